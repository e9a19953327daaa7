# The providers are pinned exactly: tests/infra/schemas.json holds the schemas of these versions, and
# tests check every name in these files against it. infra/generate/schemas.py renews that file.
terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "8.7.0"
    }
    # API Gateway is not in the provider above.
    google-beta = {
      source  = "hashicorp/google-beta"
      version = "8.7.0"
    }
    archive = {
      source  = "hashicorp/archive"
      version = "2.8.1"
    }
    # Waits until grants take effect.
    time = {
      source  = "hashicorp/time"
      version = "0.14.2"
    }
  }
}

provider "google" {
  project = var.project
  region  = var.location
}

# The Budgets API needs a project to charge its calls to.
provider "google" {
  alias                 = "billing"
  billing_project       = var.project
  user_project_override = true
}

provider "google-beta" {
  project = var.project
  region  = var.location
}

data "google_project" "project" {
  depends_on = [google_project_service.service]
}
