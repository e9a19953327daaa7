# `terraform test`, in infra/: what each shape deploys. The providers are mocked: nothing is made.

mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "123456789" }
  }
  mock_resource "google_service_account" {
    defaults = {
      member = "serviceAccount:somebody@my-project.iam.gserviceaccount.com"
      email  = "somebody@my-project.iam.gserviceaccount.com"
    }
  }
}
mock_provider "google-beta" {}
mock_provider "archive" {
  mock_data "archive_file" {
    defaults = { output_sha256 = "abc" }
  }
}

variables {
  project  = "my-project"
  invokers = ["user:ada@example.com"]
}

run "router" {
  assert {
    condition     = toset(keys(google_cloudfunctions2_function.function)) == toset(["sessions_api", "purge_expired_sessions"])
    error_message = "router deploys the router and the purge."
  }
  assert {
    condition     = output.base_url == google_cloudfunctions2_function.function["sessions_api"].service_config[0].uri
    error_message = "The base URL is that of the router."
  }
  assert {
    condition     = length(google_api_gateway_gateway.sessions) == 0 && length(google_service_account.gateway) == 0
    error_message = "router has no gateway."
  }
  assert {
    condition     = [for right in google_cloud_run_v2_service_iam_member.clients : "${right.member} ${right.name}"] == ["user:ada@example.com sessions-api"]
    error_message = "Those in invokers, and nobody else, may call the router, and nothing else."
  }
  assert {
    condition     = [for right in google_cloud_run_v2_service_iam_member.scheduler : right.name] == ["purge-expired-sessions"]
    error_message = "The scheduler may call the purge and nothing else."
  }
  assert {
    condition     = google_cloudfunctions2_function.function["purge_expired_sessions"].service_config[0].environment_variables["PURGE_TIME_LIMIT"] == "100s"
    error_message = "The purge stops before its function is stopped."
  }
  assert {
    condition     = google_cloudfunctions2_function.function["sessions_api"].service_config[0].environment_variables["SESSIONS_STORE"] == "firestore://my-project/(default)"
    error_message = "The functions use the database."
  }
  assert {
    condition     = google_cloudfunctions2_function.function["sessions_api"].build_config[0].source[0].storage_source[0].object == "source-abc.zip"
    error_message = "The source is named by its content."
  }
  assert {
    condition     = strcontains(output.schedule_command, "--url=${output.purge_url} ") && endswith(output.schedule_command, " --attempt-deadline=180s")
    error_message = "The scheduler waits longer than the purge works."
  }
  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.function : function.service_config[0].environment_variables["PURGE_ACCOUNT"] == google_service_account.scheduler.email && function.service_config[0].environment_variables["AUTH_GATEWAY_ACCOUNT"] == ""])
    error_message = "The scheduler alone may purge, and there is no gateway to believe."
  }
  assert {
    condition     = google_firestore_database.sessions.deletion_policy == "ABANDON" && google_firestore_database.sessions.location_id == "us-central1"
    error_message = "The database is protected, and beside the functions."
  }
}

run "per_method" {
  variables {
    shape = "per_method"
  }

  assert {
    condition     = length(google_cloudfunctions2_function.function) == length(local.targets) - 1 && !contains(keys(google_cloudfunctions2_function.function), "sessions_api")
    error_message = "per_method deploys every target but the router."
  }
  assert {
    condition     = alltrue([for target, function in google_cloudfunctions2_function.function : function.build_config[0].entry_point == target && function.name == replace(target, "_", "-")])
    error_message = "Every function is called like its target."
  }
  assert {
    condition     = output.base_url == "https://${google_api_gateway_gateway.sessions[0].default_hostname}"
    error_message = "The base URL is that of the gateway."
  }
  assert {
    condition     = length(google_cloud_run_v2_service_iam_member.gateway) == length(local.targets) - 3
    error_message = "The gateway alone may call the methods, and neither the purge nor streams."
  }
  assert {
    condition     = alltrue([for grant in google_cloud_run_v2_service_iam_member.clients : grant.name == "watch-events"]) && length(google_cloud_run_v2_service_iam_member.clients) == length(var.invokers)
    error_message = "Those in invokers may call what the gateway does not carry, and nothing else."
  }
  assert {
    condition     = google_cloudfunctions2_function.function["watch_events"].service_config[0].max_instance_request_concurrency == 250 && google_cloudfunctions2_function.function["watch_events"].service_config[0].environment_variables["THREADS"] == "250" && google_cloudfunctions2_function.function["watch_events"].service_config[0].environment_variables["WATCH_TIME_LIMIT"] == "3590s"
    error_message = "watch_events holds a stream in each thread, and ends them before the platform does."
  }
  assert {
    condition = alltrue([
      for target, function in google_cloudfunctions2_function.function :
      strcontains(base64decode(google_api_gateway_api_config.sessions[0].openapi_documents[0].document[0].contents), function.service_config[0].uri)
      if !contains(["purge_expired_sessions", "watch_events"], target)
    ])
    error_message = "The gateway knows the address of every method."
  }
  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.function : function.service_config[0].environment_variables["PURGE_ACCOUNT"] == google_service_account.scheduler.email && function.service_config[0].environment_variables["AUTH_GATEWAY_ACCOUNT"] == google_service_account.gateway[0].email])
    error_message = "The scheduler alone may purge, and the gateway's calls are its callers'."
  }
  assert {
    condition     = contains(keys(google_project_service.service), "apigateway.googleapis.com")
    error_message = "API Gateway is switched on."
  }
}

run "what_variables_change" {
  variables {
    database          = "chats"
    database_location = "eur3"
    delete_protection = false
    source_object     = "source-old.zip"
    concurrency       = 8
    min_instances     = 1
    max_instances     = 5
    memory            = { sessions_api = "2Gi" }
    timeouts          = { purge_expired_sessions = 900 }
    settings          = { MIN_TTL = "0s", AUTH = "api_key" }
    secrets           = { API_KEYS = { secret = "keys", version = "3" } }
    alert_emails      = ["ada@example.com"]
  }

  assert {
    condition     = google_firestore_database.sessions.location_id == "eur3" && google_firestore_database.sessions.deletion_policy == "DELETE"
    error_message = "The database is where it was wanted, and goes with a destroy."
  }
  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.function : function.build_config[0].source[0].storage_source[0].object == "source-old.zip"])
    error_message = "A roll-back deploys the old source."
  }
  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.function : function.service_config[0].environment_variables["THREADS"] == "8" && function.service_config[0].environment_variables["MIN_TTL"] == "0s"])
    error_message = "There are as many threads as requests at a time, and settings reach the functions."
  }
  assert {
    condition     = google_cloudfunctions2_function.function["sessions_api"].service_config[0].available_memory == "2Gi" && google_cloudfunctions2_function.function["sessions_api"].service_config[0].min_instance_count == 1 && google_cloudfunctions2_function.function["sessions_api"].service_config[0].max_instance_count == 5
    error_message = "The router has the size that was wanted."
  }
  assert {
    condition     = google_cloudfunctions2_function.function["purge_expired_sessions"].service_config[0].min_instance_count == 0 && google_cloudfunctions2_function.function["purge_expired_sessions"].service_config[0].max_instance_count == 1
    error_message = "The purge is never kept warm, and one instance does it."
  }
  assert {
    condition     = google_cloudfunctions2_function.function["purge_expired_sessions"].service_config[0].environment_variables["PURGE_TIME_LIMIT"] == "880s" && endswith(output.schedule_command, " --attempt-deadline=960s")
    error_message = "A longer purge is waited for."
  }
  assert {
    condition     = google_cloudfunctions2_function.function["sessions_api"].service_config[0].environment_variables["AUTH"] == "api_key" && !contains(keys(google_cloudfunctions2_function.function["purge_expired_sessions"].service_config[0].environment_variables), "AUTH")
    error_message = "The scheduler comes in through IAM whatever AUTH is for others."
  }
  assert {
    condition     = google_cloudfunctions2_function.function["sessions_api"].service_config[0].secret_environment_variables[0].secret == "keys" && length(google_secret_manager_secret_iam_member.functions) == 1
    error_message = "A secret reaches the functions, which may read it."
  }
  assert {
    condition     = length(google_monitoring_alert_policy.alert["errors"].notification_channels) == 1
    error_message = "Alerts are sent by mail."
  }
}
