# One host in front of the functions of per_method. openapi.yaml is generated from the table of routes;
# ${append_event} in it is the address of that function.

resource "google_api_gateway_api" "sessions" {
  provider = google-beta
  count    = var.shape == "per_method" ? 1 : 0

  api_id = var.name

  depends_on = [google_project_service.service]
}

resource "google_api_gateway_api_config" "sessions" {
  provider = google-beta
  count    = var.shape == "per_method" ? 1 : 0

  api                  = google_api_gateway_api.sessions[0].api_id
  api_config_id_prefix = "${var.name}-"

  openapi_documents {
    document {
      path = "openapi.yaml"
      contents = base64encode(templatefile("${path.module}/openapi.yaml", {
        for target, function in google_cloudfunctions2_function.function : target => function.service_config[0].uri
      }))
    }
  }

  gateway_config {
    backend_config {
      google_service_account = google_service_account.gateway[0].email
    }
  }

  # A config cannot be changed, and it cannot be deleted while a gateway uses it.
  lifecycle {
    create_before_destroy = true
  }
}

resource "google_api_gateway_gateway" "sessions" {
  provider = google-beta
  count    = var.shape == "per_method" ? 1 : 0

  gateway_id = var.name
  region     = coalesce(var.gateway_location, var.location)
  api_config = google_api_gateway_api_config.sessions[0].id
}
