locals {
  # Every target of main.py but console, whose pages sessions_api serves with CONSOLE=true.
  #
  # memory bounds what the requests of an instance hold together: see bytes_in_flight below. timeout is in
  # seconds; a stream lasts ten seconds less than the timeout of its function.
  #
  # invoker is the caller, and tells the shape that the target belongs to. The shape router deploys the
  # targets that clients and the scheduler call. The shape per_method deploys those that the gateway,
  # watchers, exporters and the scheduler call. Watchers and exporters are clients that call watch_events
  # and export_sessions at their own addresses, because the gateway does not stream.
  targets = {
    sessions_api           = { memory = "1Gi", timeout = 600, invoker = "clients" }
    purge_expired_sessions = { memory = "512Mi", timeout = 120, invoker = "scheduler" }

    create_session = { memory = "512Mi", timeout = 60, invoker = "gateway" }
    get_session    = { memory = "512Mi", timeout = 60, invoker = "gateway" }
    list_sessions  = { memory = "1Gi", timeout = 60, invoker = "gateway" }
    update_session = { memory = "512Mi", timeout = 60, invoker = "gateway" }
    delete_session = { memory = "512Mi", timeout = 60, invoker = "gateway" }
    # A fork, an export and an erasure work for WORK_TIME_LIMIT before they answer.
    fork_session    = { memory = "1Gi", timeout = 300, invoker = "gateway" }
    rewind_session  = { memory = "1Gi", timeout = 300, invoker = "gateway" }
    compact_session = { memory = "1Gi", timeout = 300, invoker = "gateway" }
    export_sessions = { memory = "1Gi", timeout = 300, invoker = "exporters" }
    import_sessions = { memory = "1Gi", timeout = 300, invoker = "gateway" }

    append_event        = { memory = "1Gi", timeout = 60, invoker = "gateway" }
    batch_append_events = { memory = "1Gi", timeout = 60, invoker = "gateway" }
    get_event           = { memory = "1Gi", timeout = 60, invoker = "gateway" }
    list_events         = { memory = "1Gi", timeout = 60, invoker = "gateway" }
    watch_events        = { memory = "1Gi", timeout = 3600, invoker = "watchers" }
    update_event        = { memory = "1Gi", timeout = 60, invoker = "gateway" }
    delete_event        = { memory = "512Mi", timeout = 60, invoker = "gateway" }
    purge_events        = { memory = "1Gi", timeout = 300, invoker = "gateway" }

    list_runs = { memory = "1Gi", timeout = 60, invoker = "gateway" }
    get_run   = { memory = "1Gi", timeout = 60, invoker = "gateway" }

    list_users        = { memory = "512Mi", timeout = 60, invoker = "gateway" }
    erase_user        = { memory = "512Mi", timeout = 300, invoker = "gateway" }
    get_user_state    = { memory = "512Mi", timeout = 60, invoker = "gateway" }
    update_user_state = { memory = "512Mi", timeout = 60, invoker = "gateway" }
    get_app_state     = { memory = "512Mi", timeout = 60, invoker = "gateway" }
    update_app_state  = { memory = "512Mi", timeout = 60, invoker = "gateway" }

    create_reasoning_engine = { memory = "512Mi", timeout = 60, invoker = "gateway" }
    get_reasoning_engine    = { memory = "512Mi", timeout = 60, invoker = "gateway" }
    list_reasoning_engines  = { memory = "512Mi", timeout = 60, invoker = "gateway" }
    update_reasoning_engine = { memory = "512Mi", timeout = 60, invoker = "gateway" }
    # With `force` the function removes all sessions of an engine before it answers.
    delete_reasoning_engine = { memory = "512Mi", timeout = 300, invoker = "gateway" }

    get_location     = { memory = "512Mi", timeout = 60, invoker = "gateway" }
    list_locations   = { memory = "512Mi", timeout = 60, invoker = "gateway" }
    get_operation    = { memory = "512Mi", timeout = 60, invoker = "gateway" }
    list_operations  = { memory = "512Mi", timeout = 60, invoker = "gateway" }
    delete_operation = { memory = "512Mi", timeout = 60, invoker = "gateway" }
    cancel_operation = { memory = "512Mi", timeout = 60, invoker = "gateway" }
    wait_operation   = { memory = "512Mi", timeout = 60, invoker = "gateway" }
  }

  # One job shares its instance with the dry run. Of several, each has an instance, and so has the dry run.
  purge = var.purge_jobs == 1 ? { instances = 1, concurrency = var.concurrency } : { instances = var.purge_jobs + 1, concurrency = 1 }

  # The targets of the chosen shape, with the values of the variables.
  functions = {
    for target, function in local.targets : target => {
      name          = "${var.name}-${trimprefix(replace(target, "_", "-"), "sessions-")}"
      memory        = lookup(var.memory, target, function.memory)
      timeout       = lookup(var.timeouts, target, function.timeout)
      invoker       = function.invoker
      min_instances = function.invoker == "scheduler" ? 0 : var.min_instances
      max_instances = function.invoker == "scheduler" ? local.purge.instances : var.max_instances
      concurrency   = lookup({ watchers = var.watchers, scheduler = local.purge.concurrency }, function.invoker, var.concurrency)
      threads       = function.invoker == "watchers" ? var.watchers : coalesce(var.threads, var.concurrency)
    } if contains(var.shape == "router" ? ["clients", "scheduler"] : ["gateway", "watchers", "exporters", "scheduler"], function.invoker)
  }

  # A byte of a body or a page takes up to 30 bytes of memory while the server reads or makes it: small
  # JSON objects cost most. A process takes 192 MiB before its first request. So many bytes of bodies
  # and pages may therefore be in flight, whatever the concurrency; beyond them, a request gets 503.
  # One body may have as many, up to the default of MAX_BODY_BYTES.
  bytes_in_flight = {
    for target, function in local.functions : target => floor(
      (tonumber(regex("^[0-9]+", function.memory)) * (endswith(function.memory, "Gi") ? 1024 : 1) - 192)
      * 1048576 / 30 / tonumber(lookup(local.settings, "WORKERS", "1"))
    )
  }

  # Whether functions take the caller for proven by IAM. Between the words of AUTH the server takes commas
  # and every kind of white space, and without a word it takes iam.
  trusts_iam = contains(coalescelist(regexall("[a-z_]+", lookup(var.settings, "AUTH", "")), ["iam"]), "iam")

  environment = {
    SESSIONS_STORE        = "firestore://${var.project}/${local.database}"
    GOOGLE_CLOUD_PROJECT  = var.project
    GOOGLE_CLOUD_LOCATION = var.location
    PROJECT_NUMBER        = data.google_project.project.number
    PURGE_ACCOUNT         = google_service_account.scheduler.email
    AUTH_GATEWAY_ACCOUNT  = join("", google_service_account.gateway[*].email)
  }
}

resource "google_cloudfunctions2_function" "function" {
  for_each = local.functions

  name        = each.value.name
  location    = var.location
  description = "Agent Engine Sessions: ${each.key}"

  build_config {
    runtime           = var.runtime
    entry_point       = each.key
    service_account   = google_service_account.build.id
    docker_repository = google_artifact_registry_repository.images.id

    source {
      storage_source {
        bucket = google_storage_bucket.source.name
        object = coalesce(var.source_object, google_storage_bucket_object.source.name)
      }
    }
  }

  service_config {
    service_account_email            = google_service_account.functions.email
    available_cpu                    = var.cpu
    available_memory                 = each.value.memory
    timeout_seconds                  = each.value.timeout
    max_instance_request_concurrency = each.value.concurrency
    min_instance_count               = each.value.min_instances
    max_instance_count               = each.value.max_instances
    ingress_settings                 = var.ingress
    all_traffic_on_latest_revision   = true

    # The purge must finish its present batch before Cloud Run stops it. The scheduler always calls it
    # through IAM, also if AUTH has another value for the other functions.
    environment_variables = merge(
      local.environment,
      {
        PURGE_TIME_LIMIT = "${each.value.timeout - 20}s"
        WATCH_TIME_LIMIT = "${each.value.timeout - 10}s"
        THREADS          = each.value.threads

        MAX_BYTES_IN_FLIGHT = local.bytes_in_flight[each.key]
        MAX_BODY_BYTES      = min(20971520, local.bytes_in_flight[each.key])
      },
      each.value.invoker == "watchers" ? { WATCHERS = var.watchers } : {},
      { for name, value in local.settings : name => value if name != "AUTH" || each.value.invoker != "scheduler" },
    )

    dynamic "secret_environment_variables" {
      for_each = var.secrets
      content {
        key        = secret_environment_variables.key
        project_id = var.project
        secret     = secret_environment_variables.value.secret
        version    = secret_environment_variables.value.version
      }
    }
  }

  depends_on = [time_sleep.grants]
}

# The Cloud Functions API lacks these options of Cloud Run, and each change of a function resets them.
locals {
  run_flags = {
    for target, function in local.functions : target => join(" ", compact([
      var.startup_cpu_boost ? "" : "--no-cpu-boost",
      var.invoker_iam_check || !contains(["clients", "watchers", "exporters"], function.invoker) ? "" : "--no-invoker-iam-check",
    ]))
  }
}

resource "terraform_data" "run_flags" {
  for_each = { for target, flags in local.run_flags : target => flags if flags != "" }

  triggers_replace = [google_cloudfunctions2_function.function[each.key].update_time, each.value]

  provisioner "local-exec" {
    command = "gcloud run services update ${local.functions[each.key].name} --project=${var.project} --region=${var.location} ${each.value} --quiet"
  }
}
