# Who acts: one account for each role, and none of them may do what another is for. Logs need no
# right of the functions: Cloud Run takes them from what they print.

resource "google_service_account" "functions" {
  account_id   = "${var.name}-functions"
  display_name = "Sessions: runs the functions"

  depends_on = [google_project_service.service]
}

# Reads and writes documents of this database, and neither of others nor its settings.
resource "google_project_iam_member" "functions_firestore" {
  project = var.project
  role    = "roles/datastore.user"
  member  = google_service_account.functions.member

  condition {
    title      = "${var.name}-database"
    expression = "resource.name == \"projects/${var.project}/databases/${google_firestore_database.sessions.name}\""
  }
}

resource "google_service_account" "scheduler" {
  account_id   = "${var.name}-scheduler"
  display_name = "Sessions: calls the purge, and nothing else"

  depends_on = [google_project_service.service]
}

resource "google_service_account" "gateway" {
  count = var.shape == "per_method" ? 1 : 0

  account_id   = "${var.name}-gateway"
  display_name = "Sessions: calls the methods for API Gateway"

  depends_on = [google_project_service.service]
}

resource "google_service_account" "build" {
  account_id   = "${var.name}-build"
  display_name = "Sessions: builds the functions"

  depends_on = [google_project_service.service]
}

resource "google_project_iam_member" "build_logs" {
  project = var.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.build.member
}

# Cloud Functions copies the source to a bucket of its own, from which the build takes it.
resource "google_project_iam_member" "build_source" {
  project = var.project
  role    = "roles/storage.objectViewer"
  member  = google_service_account.build.member

  condition {
    title      = "${var.name}-function-sources"
    expression = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-${data.google_project.project.number}-${var.location}\")"
  }
}

resource "google_artifact_registry_repository_iam_member" "build_images" {
  repository = google_artifact_registry_repository.images.name
  location   = var.location
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.build.member
}
