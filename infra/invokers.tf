# The rights to call each function; see the table in functions.tf.

locals {
  # The function that clients call directly. In per_method they call export_sessions, too; the gateway
  # calls the others.
  front = var.shape == "router" ? "sessions_api" : "watch_events"
}

resource "google_cloud_run_v2_service_iam_member" "clients" {
  for_each = toset(var.invokers)

  name     = google_cloudfunctions2_function.function[local.front].name
  location = var.location
  role     = "roles/run.invoker"
  member   = each.key
}

resource "google_cloud_run_v2_service_iam_member" "exporters" {
  for_each = var.shape == "router" ? toset([]) : toset(var.invokers)

  name     = google_cloudfunctions2_function.function["export_sessions"].name
  location = var.location
  role     = "roles/run.invoker"
  member   = each.key
}

resource "google_cloud_run_v2_service_iam_member" "scheduler" {
  for_each = { for target, function in local.functions : target => function if function.invoker == "scheduler" }

  name     = google_cloudfunctions2_function.function[each.key].name
  location = var.location
  role     = "roles/run.invoker"
  member   = google_service_account.scheduler.member
}

resource "google_cloud_run_v2_service_iam_member" "gateway" {
  for_each = { for target, function in local.functions : target => function if function.invoker == "gateway" }

  name     = google_cloudfunctions2_function.function[each.key].name
  location = var.location
  role     = "roles/run.invoker"
  member   = google_service_account.gateway[0].member
}

resource "google_cloud_run_v2_service_iam_member" "health" {
  count = var.health_path == null ? 0 : 1

  name     = google_cloudfunctions2_function.function[local.front].name
  location = var.location
  role     = "roles/run.invoker"
  member   = google_project_service_identity.agent["monitoring.googleapis.com"].member
}
