output "base_url" {
  description = "The base URL of the API for clients."
  value       = var.shape == "router" ? google_cloudfunctions2_function.function["sessions_api"].service_config[0].uri : "https://${google_api_gateway_gateway.sessions[0].default_hostname}"
}

output "watch_url" {
  description = "The base URL of watch_events: the gateway of per_method does not stream."
  value       = google_cloudfunctions2_function.function[local.front].service_config[0].uri
}

output "export_url" {
  description = "The base URL of export_sessions, which streams, too."
  value       = google_cloudfunctions2_function.function[var.shape == "router" ? "sessions_api" : "export_sessions"].service_config[0].uri
}

output "purge_url" {
  description = "The URL of the purge, and the audience of the scheduler's token."
  value       = google_cloudfunctions2_function.function["purge_expired_sessions"].service_config[0].uri
}

output "scheduler_service_account" {
  description = "The service account as which the Cloud Scheduler job calls the purge."
  value       = google_service_account.scheduler.email
}

output "schedule" {
  description = "The flags with which infra/schedule_purge.py finds the purge's Cloud Scheduler jobs."
  value       = "--project=${var.project} --location=${var.location} --job=${local.functions["purge_expired_sessions"].name}${var.purge_jobs == 1 ? "" : " --jobs=${var.purge_jobs}"}"
}

output "project" {
  description = "Id of the project."
  value       = var.project
}

output "location" {
  description = "Region of the functions and of the Cloud Scheduler job."
  value       = var.location
}

output "database" {
  description = "Id of the Firestore database."
  value       = local.database
}

output "source_object" {
  description = "The object of the deployed source; the variable of the same name deploys it again."
  value       = coalesce(var.source_object, google_storage_bucket_object.source.name)
}
