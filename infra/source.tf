# The source of the functions: the files that they import, and those of the console. The object's name is
# the hash of its content. A changed source is a new object and a new revision; an unchanged source is
# neither. Old objects stay for a rollback.

locals {
  root         = "${path.module}/.."
  source_files = setunion(["constraints.txt", "main.py", "requirements.txt", "requirements-otel.txt"], fileset(local.root, "functions/**/*.py"), fileset(local.root, "functions/api/*.json"), fileset(local.root, "functions/console/*"))

  # A build installs what requirements.txt names.
  has_otel     = contains(concat(keys(local.settings), keys(var.secrets)), "OTEL_EXPORTER_OTLP_ENDPOINT")
  requirements = "${file("${local.root}/requirements.txt")}${local.has_otel ? "-r requirements-otel.txt\n" : ""}"
}

data "archive_file" "source" {
  type             = "zip"
  output_path      = "${path.module}/.terraform/source.zip"
  output_file_mode = "0644"

  dynamic "source" {
    for_each = local.source_files
    content {
      filename = source.value
      content  = source.value == "requirements.txt" ? local.requirements : file("${local.root}/${source.value}")
    }
  }
}

resource "google_storage_bucket" "source" {
  name                        = "${var.project}-${var.name}-source"
  location                    = var.location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true # version control has the originals

  depends_on = [google_project_service.service]
}

resource "google_storage_bucket_object" "source" {
  name            = "source-${data.archive_file.source.output_sha256}.zip"
  bucket          = google_storage_bucket.source.name
  source          = data.archive_file.source.output_path
  deletion_policy = "ABANDON"
}

# The images of the functions. Those of the last ten builds stay for a rollback of traffic.
resource "google_artifact_registry_repository" "images" {
  repository_id = "${var.name}-functions"
  location      = var.location
  format        = "DOCKER"

  cleanup_policies {
    id     = "keep-latest"
    action = "KEEP"

    most_recent_versions {
      keep_count = 10
    }
  }
  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"

    condition {
      older_than = "2592000s"
    }
  }

  depends_on = [google_project_service.service]
}
