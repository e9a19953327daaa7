output "base_url" {
  description = "The base URL that clients are given."
  value       = var.shape == "router" ? google_cloudfunctions2_function.function["sessions_api"].service_config[0].uri : "https://${google_api_gateway_gateway.sessions[0].default_hostname}"
}

output "watch_url" {
  description = "The base URL for streams: the gateway of per_method does not carry them."
  value       = google_cloudfunctions2_function.function[local.front].service_config[0].uri
}

output "purge_url" {
  description = "Where the purge is, and the audience of the token that it is called with."
  value       = google_cloudfunctions2_function.function["purge_expired_sessions"].service_config[0].uri
}

output "scheduler_service_account" {
  description = "The account that the Cloud Scheduler job calls the purge as."
  value       = google_service_account.scheduler.email
}

output "schedule" {
  description = "The flags by which infra/schedule_purge.py finds the Cloud Scheduler job of the purge."
  value       = "--project=${var.project} --location=${var.location} --job=${local.functions["purge_expired_sessions"].name}"
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
  description = "What is deployed; the variable of the same name brings it back later."
  value       = coalesce(var.source_object, google_storage_bucket_object.source.name)
}
