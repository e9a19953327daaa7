# `terraform test`, in infra/: what each shape deploys. The providers are mocked: nothing is made.

mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "123456789" }
  }
  mock_resource "google_monitoring_uptime_check_config" {
    defaults = { uptime_check_id = "sessions-health" }
  }
  mock_resource "google_service_account" {
    defaults = {
      member = "serviceAccount:somebody@my-project.iam.gserviceaccount.com"
      email  = "somebody@my-project.iam.gserviceaccount.com"
    }
  }
}
mock_provider "google" {
  alias = "billing"
}
mock_provider "google-beta" {
  mock_resource "google_project_service_identity" {
    defaults = { member = "serviceAccount:google@gserviceaccount.com" }
  }
}
mock_provider "time" {}
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
    condition     = [for right in google_cloud_run_v2_service_iam_member.scheduler : right.name] == ["sessions-purge-expired-sessions"]
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
    condition     = one([for file in data.archive_file.source.source : file.content if file.filename == "requirements.txt"]) == file("../requirements.txt")
    error_message = "The functions have the packages of requirements.txt."
  }
  assert {
    condition     = google_cloudfunctions2_function.function["sessions_api"].build_config[0].source[0].storage_source[0].object == "source-abc.zip"
    error_message = "The source is named by its content."
  }
  assert {
    condition     = google_cloud_scheduler_job.purge[0].http_target[0].uri == "${output.purge_url}/v1beta1/sessions:purgeExpired" && google_cloud_scheduler_job.purge[0].http_target[0].oidc_token[0].audience == output.purge_url && google_cloud_scheduler_job.purge[0].attempt_deadline == "180s"
    error_message = "The scheduler calls the purge with a token for its address, and waits longer than the purge works."
  }
  assert {
    condition     = google_cloud_scheduler_job.backlog[0].http_target[0].uri == "${output.purge_url}/v1beta1/sessions:purgeExpired?dryRun=true" && google_cloud_scheduler_job.backlog[0].http_target[0].oidc_token[0].audience == output.purge_url && google_cloud_scheduler_job.backlog[0].name != google_cloud_scheduler_job.purge[0].name
    error_message = "Another job calls the dry run as the purge is called."
  }
  assert {
    condition     = output.schedule == "--project=my-project --location=us-central1 --job=${google_cloud_scheduler_job.purge[0].name}"
    error_message = "The script finds the job."
  }
  assert {
    condition     = length(google_firestore_index.index) == length(local.indexes) && alltrue([for index in google_firestore_index.index : length(index.fields) == 2])
    error_message = "Every composite index of firestore.indexes.json is made."
  }
  assert {
    condition     = google_firestore_backup_schedule.daily[0].retention == "604800s" && google_firestore_backup_schedule.weekly[0].retention == "2419200s"
    error_message = "Daily backups are kept for a week, and weekly ones for four."
  }
  assert {
    condition     = length(google_firestore_database.sessions[0].cmek_config) == 0 && length(google_kms_crypto_key_iam_member.firestore) == 0 && length(time_sleep.kms) == 0
    error_message = "Google's own keys encrypt the database."
  }
  assert {
    condition     = time_sleep.grants.create_duration == "120s" && toset(keys(google_project_service_identity.agent)) == toset(["cloudbuild.googleapis.com", "cloudfunctions.googleapis.com", "monitoring.googleapis.com", "run.googleapis.com"])
    error_message = "The functions wait until Google's accounts and the grants are there."
  }
  assert {
    condition     = length(terraform_data.run_flags) == 0 && length(google_billing_budget.month) == 0
    error_message = "Nothing that needs gcloud or a billing account is made unasked."
  }
  assert {
    condition     = google_monitoring_uptime_check_config.health[0].http_check[0].path == "/health" && google_cloud_run_v2_service_iam_member.health[0].name == "sessions-api"
    error_message = "The health check asks the function that clients call."
  }
  assert {
    condition     = google_cloudfunctions2_function.function["sessions_api"].service_config[0].environment_variables["MAX_BYTES_IN_FLIGHT"] == "29080507" && google_cloudfunctions2_function.function["purge_expired_sessions"].service_config[0].environment_variables["MAX_BYTES_IN_FLIGHT"] == "11184810"
    error_message = "The memory of a function bounds the bytes that its requests hold together."
  }
  assert {
    condition     = toset(keys(google_monitoring_alert_policy.alert)) == toset(keys(local.alerts))
    error_message = "Every alert is on."
  }
  assert {
    condition     = endswith(google_monitoring_alert_policy.alert["instances near their maximum"].documentation[0].content, "docs/runbook.md#alert-instances-near-their-maximum") && strcontains(google_monitoring_alert_policy.alert["instances near their maximum"].conditions[0].condition_prometheus_query_language[0].query, "> 16")
    error_message = "An alert names its paragraph of the runbook and its limit."
  }
  assert {
    condition     = length(jsondecode(google_monitoring_dashboard.sessions.dashboard_json).gridLayout.widgets) == length(local.charts)
    error_message = "Every chart is on the dashboard."
  }
  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.function : function.service_config[0].environment_variables["PURGE_ACCOUNT"] == google_service_account.scheduler.email && function.service_config[0].environment_variables["AUTH_GATEWAY_ACCOUNT"] == ""])
    error_message = "The scheduler alone may purge, and there is no gateway to believe."
  }
  assert {
    condition     = google_firestore_database.sessions[0].deletion_policy == "ABANDON" && google_firestore_database.sessions[0].location_id == "us-central1"
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
    condition     = alltrue([for target, function in google_cloudfunctions2_function.function : function.build_config[0].entry_point == target && function.name == "sessions-${replace(target, "_", "-")}"])
    error_message = "Every function is called like its target, behind the name of the deployment."
  }
  assert {
    condition     = output.base_url == "https://${google_api_gateway_gateway.sessions[0].default_hostname}"
    error_message = "The base URL is that of the gateway."
  }
  assert {
    condition     = length(google_cloud_run_v2_service_iam_member.gateway) == length(local.targets) - 4
    error_message = "The gateway alone may call the methods, and neither the purge nor streams."
  }
  assert {
    condition     = alltrue([for grant in google_cloud_run_v2_service_iam_member.clients : grant.name == "sessions-watch-events"]) && length(google_cloud_run_v2_service_iam_member.clients) == length(var.invokers)
    error_message = "Those in invokers may watch, which the gateway does not carry."
  }
  assert {
    condition     = alltrue([for grant in google_cloud_run_v2_service_iam_member.exporters : grant.name == "sessions-export-sessions"]) && keys(google_cloud_run_v2_service_iam_member.exporters) == keys(google_cloud_run_v2_service_iam_member.clients)
    error_message = "Those in invokers may export, which the gateway does not carry, and nothing else."
  }
  assert {
    condition     = output.export_url == google_cloudfunctions2_function.function["export_sessions"].service_config[0].uri
    error_message = "Clients export at the function's own address."
  }
  assert {
    condition     = google_cloudfunctions2_function.function["watch_events"].service_config[0].max_instance_request_concurrency == 250 && google_cloudfunctions2_function.function["watch_events"].service_config[0].environment_variables["THREADS"] == "250" && google_cloudfunctions2_function.function["watch_events"].service_config[0].environment_variables["WATCH_TIME_LIMIT"] == "3590s"
    error_message = "watch_events holds a stream in each thread, and ends them before the platform does."
  }
  assert {
    condition = alltrue([
      for target, function in google_cloudfunctions2_function.function :
      strcontains(base64decode(google_api_gateway_api_config.sessions[0].openapi_documents[0].document[0].contents), function.service_config[0].uri)
      if !contains(["purge_expired_sessions", "watch_events", "export_sessions"], target)
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
    settings          = { MIN_TTL = "0s", AUTH = "api_key", OTEL_EXPORTER_OTLP_ENDPOINT = "http://localhost:4318" }
    secrets           = { API_KEYS = { secret = "keys", version = "3" } }
    alert_emails      = ["ada@example.com"]
    purge_jobs        = 3

    lists_over_all_engines = false
  }

  assert {
    condition     = [for index in google_firestore_index.index : index.query_scope if index.collection == "sessions" && index.query_scope == "COLLECTION_GROUP"] == ["COLLECTION_GROUP"] && length(google_firestore_index.index) == 11
    error_message = "Of the indexes over all engines, the purge's is left."
  }
  assert {
    condition     = google_firestore_database.sessions[0].location_id == "eur3" && google_firestore_database.sessions[0].deletion_policy == "DELETE"
    error_message = "The database is where it was wanted, and goes with a destroy."
  }
  assert {
    condition     = one([for file in data.archive_file.source.source : file.content if file.filename == "requirements.txt"]) == "${file("../requirements.txt")}-r requirements-otel.txt\n"
    error_message = "The functions have the packages that send spans."
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
    condition     = google_cloudfunctions2_function.function["purge_expired_sessions"].service_config[0].min_instance_count == 0 && google_cloudfunctions2_function.function["purge_expired_sessions"].service_config[0].max_instance_count == 4 && google_cloudfunctions2_function.function["purge_expired_sessions"].service_config[0].max_instance_request_concurrency == 1
    error_message = "The purge is never kept warm; each of its jobs has an instance, and so has the dry run."
  }
  assert {
    condition     = [for job in google_cloud_scheduler_job.purge : "${job.name} ${job.http_target[0].uri}"] == [for part in ["/0", "-1/1", "-2/2"] : "sessions-purge-expired-sessions${split("/", part)[0]} ${output.purge_url}/v1beta1/sessions:purgeExpired?shard=${split("/", part)[1]}/3"]
    error_message = "Each job purges its part."
  }
  assert {
    condition     = google_cloud_scheduler_job.backlog[0].http_target[0].uri == "${output.purge_url}/v1beta1/sessions:purgeExpired?dryRun=true" && output.schedule == "--project=my-project --location=us-central1 --job=sessions-purge-expired-sessions --jobs=3"
    error_message = "One dry run counts the sessions of all parts, and the script finds all jobs."
  }
  assert {
    condition     = google_cloudfunctions2_function.function["purge_expired_sessions"].service_config[0].environment_variables["PURGE_TIME_LIMIT"] == "880s" && google_cloud_scheduler_job.purge[0].attempt_deadline == "960s"
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

run "staging_beside_production" {
  variables {
    name                = "staging"
    database            = "staging"
    daily_backup_days   = 0
    weekly_backup_weeks = 0
    kms_key             = "projects/my-project/locations/us-central1/keyRings/r/cryptoKeys/k"
    billing_account     = "000000-000000-000000"
    monthly_budget      = 20
  }

  assert {
    condition     = toset([for function in google_cloudfunctions2_function.function : function.name]) == toset(["staging-api", "staging-purge-expired-sessions"]) && google_cloud_scheduler_job.purge[0].name == "staging-purge-expired-sessions"
    error_message = "Nothing is called like a part of the other deployment."
  }
  assert {
    condition     = google_firestore_database.sessions[0].name == "staging" && google_firestore_database.sessions[0].cmek_config[0].kms_key_name == var.kms_key && google_kms_crypto_key_iam_member.firestore[0].crypto_key_id == var.kms_key && contains(keys(google_project_service_identity.agent), "firestore.googleapis.com")
    error_message = "The key encrypts the database, and Firestore may use it."
  }
  assert {
    condition     = length(google_firestore_backup_schedule.daily) == 0 && length(google_firestore_backup_schedule.weekly) == 0
    error_message = "There are no backups."
  }
  assert {
    condition     = google_monitoring_uptime_check_config.health[0].http_check[0].path == "/health" && strcontains(google_monitoring_alert_policy.alert["down"].conditions[0].condition_prometheus_query_language[0].query, "check_id=\"sessions-health\"") && google_cloud_run_v2_service_iam_member.health[0].name == "staging-api"
    error_message = "The health check may call the API, and an alert reads it."
  }
  assert {
    condition     = google_billing_budget.month[0].amount[0].specified_amount[0].units == "20" && length(google_billing_budget.month[0].all_updates_rule) == 0
    error_message = "There is a budget."
  }
}

run "a_second_region" {
  variables {
    name         = "east"
    location     = "us-east1"
    own_database = false
    database     = "chats"
  }

  assert {
    condition     = length(google_firestore_database.sessions) + length(google_firestore_index.index) + length(google_firestore_field.sessions) + length(google_firestore_backup_schedule.daily) + length(google_cloud_scheduler_job.purge) + length(google_cloud_scheduler_job.backlog) == 0
    error_message = "The database, its indexes, its backups and the schedule of its purge are the other deployment's."
  }
  assert {
    condition     = google_cloudfunctions2_function.function["sessions_api"].service_config[0].environment_variables["SESSIONS_STORE"] == "firestore://my-project/chats"
    error_message = "The functions use its database."
  }
  assert {
    condition     = !contains(keys(google_monitoring_alert_policy.alert), "purge not run") && !contains(keys(google_monitoring_alert_policy.alert), "expired backlog")
    error_message = "Nobody is told that a purge does not run which the other deployment runs."
  }
}

# An apply would call gcloud.
run "flags_that_only_cloud_run_has" {
  command = plan
  variables {
    invoker_iam_check = false
    startup_cpu_boost = false
    settings          = { AUTH = "google_iam api_key" }
  }

  assert {
    condition     = local.run_flags == { sessions_api = "--no-cpu-boost --no-invoker-iam-check", purge_expired_sessions = "--no-cpu-boost" } && length(terraform_data.run_flags) == 2
    error_message = "Everybody reaches the API, and only the scheduler the purge."
  }
}
