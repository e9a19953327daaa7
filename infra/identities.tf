# One service account for each task; no account has the rights of another's task. The functions need no
# right to log: Cloud Run reads what they print.

resource "google_service_account" "functions" {
  account_id   = "${var.name}-functions"
  display_name = "Sessions: runs the functions"

  depends_on = [google_project_service.service]
}

# The right to read and write the documents of this database only, without its settings.
resource "google_project_iam_member" "functions_firestore" {
  project = var.project
  role    = "roles/datastore.user"
  member  = google_service_account.functions.member

  condition {
    title      = "${var.name}-database"
    expression = "resource.name == \"projects/${var.project}/databases/${local.database}\""
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

# Cloud Functions copies the source to its own bucket, and the build reads it there.
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

# A grant takes effect up to two minutes after the call that makes it. A build that starts earlier
# fails; a build also fails before Google's service agents have their roles.
resource "time_sleep" "grants" {
  create_duration = "120s"

  # The wait begins again when one of these changes.
  triggers = {
    build     = google_service_account.build.unique_id
    functions = google_service_account.functions.unique_id
    agents    = join(",", local.agents)
  }

  depends_on = [
    google_artifact_registry_repository_iam_member.build_images,
    google_project_iam_member.build_logs,
    google_project_iam_member.build_source,
    google_project_iam_member.functions_firestore,
    google_project_service_identity.agent,
    google_secret_manager_secret_iam_member.functions,
  ]
}
