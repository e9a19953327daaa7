# The Google services that this deployment uses. A destroy leaves them enabled: others may use them.

locals {
  services = concat(
    [
      "artifactregistry.googleapis.com", # images of the functions
      "cloudbuild.googleapis.com",       # builds of the images
      "cloudfunctions.googleapis.com",
      "cloudresourcemanager.googleapis.com", # the project's number
      "cloudscheduler.googleapis.com",       # calls the purge
      "firestore.googleapis.com",
      "iam.googleapis.com", # service accounts
      "logging.googleapis.com",
      "monitoring.googleapis.com",
      "run.googleapis.com", # a function of the 2nd gen is a Cloud Run service
      "secretmanager.googleapis.com",
      "storage.googleapis.com", # the source
    ],
    var.shape == "per_method" ? [
      "apigateway.googleapis.com",
      "servicecontrol.googleapis.com", # API Gateway reports to it
      "servicemanagement.googleapis.com",
    ] : [],
    var.kms_key == null ? [] : ["cloudkms.googleapis.com"],
    var.billing_account == null ? [] : ["billingbudgets.googleapis.com"],
  )

  # Google's service agents that act in this project.
  agents = concat(
    ["cloudbuild.googleapis.com", "cloudfunctions.googleapis.com", "run.googleapis.com"],
    var.kms_key == null ? [] : ["firestore.googleapis.com"],      # encrypts with the key
    var.health_path == null ? [] : ["monitoring.googleapis.com"], # calls the health check
  )
}

resource "google_project_service" "service" {
  for_each = toset(local.services)

  service            = each.key
  disable_on_destroy = false
}

# Google makes these accounts some time after their service is enabled. This resource makes them at once
# and waits for them.
resource "google_project_service_identity" "agent" {
  provider = google-beta
  for_each = toset(local.agents)

  service = each.key

  depends_on = [google_project_service.service]
}
