# The alerts. Each alert links its paragraph of docs/runbook.md.

locals {
  # PromQL selectors of Cloud Run's metrics and of those in metrics.tf.
  series    = "monitored_resource=\"cloud_run_revision\""
  requests  = "run_googleapis_com:request_count{${local.series},service_name=~\"${local.watched}\"}"
  errors    = replace(local.requests, "}", ",response_code_class=\"5xx\"}")
  instances = "run_googleapis_com:container_instance_count{${local.series},service_name=~\"${local.watched}\",service_name!=\"${local.functions["purge_expired_sessions"].name}\"}"
  user      = "logging_googleapis_com:user_${local.prefix}"
  purges    = "${local.user}_purges{${local.series}}"
  backlog   = { for part in ["sum", "count"] : part => "sum(increase(${local.user}_backlog_${part}{${local.series}}[90m]))" }
  failures  = "${local.user}_firestore_failures{${local.series}}"

  # The methods that this selector leaves out take long by design.
  quick = "${local.user}_latency_bucket{${local.series},method!~\"watch_events|wait_operation|delete_reasoning_engine|purge_expired_sessions\"}"

  # The share of requests with a status. Fewer than five such requests raise no alert, so that a single
  # failure at night wakes nobody.
  refused = {
    for status in ["409", "429"] : status =>
    "sum(increase(${local.user}_refusals{${local.series},status=\"${status}\"}[10m])) / (sum(increase(${local.requests}[10m])) or vector(0)) > ${var.alert_refused_rate} and sum(increase(${local.user}_refusals{${local.series},status=\"${status}\"}[10m])) > 4.5"
  }

  alerts = {
    "errors" = {
      query = "sum(rate(${local.errors}[10m])) / sum(rate(${local.requests}[10m])) > ${var.alert_error_rate} and sum(increase(${local.errors}[10m])) > 4.5"
      text  = "The functions answer more requests than usual with 5xx."
    }
    "slow" = {
      query = "histogram_quantile(0.99, sum by (le) (rate(${local.quick}[10m]))) > ${var.alert_latency_ms}"
      text  = "One request in a hundred takes longer than ${var.alert_latency_ms} ms."
    }
    "too many requests" = {
      query = local.refused["429"]
      text  = "Cloud Run has no free instance, or an instance has no free stream: it answers 429."
    }
    "conflicts" = {
      query = local.refused["409"]
      text  = "Clients write to one session faster than Firestore can, or create a resource that exists: the API answers 409."
    }
    "Firestore failures" = {
      query = "sum(increase(${local.failures}[10m])) > 4.5"
      text  = "Calls of Firestore fail after their retries; the client gets 503."
    }
    "instances near their maximum" = {
      query = "max(sum by (service_name) (${local.instances})) > ${0.8 * var.max_instances}"
      text  = "A function runs more than 80 % of its max_instances. At the maximum Cloud Run answers 429."
    }
    # Without any call Cloud Monitoring has no series; a missing series therefore counts as no call.
    "purge not run" = {
      query = "(sum(increase(${local.purges}[${var.alert_purge_hours}h])) or vector(0)) < 0.5"
      text  = "No purge has ended in ${var.alert_purge_hours} hours. Expired data stays invisible, and is paid for."
    }
    # The mean over the dry runs of the last 90 minutes, one or two.
    "expired backlog" = {
      query = "${local.backlog["sum"]} / ${local.backlog["count"]} > ${var.alert_purge_hours * 3600}"
      text  = "Sessions that expired more than ${var.alert_purge_hours} hours ago are still stored: more expires than the purge removes."
    }
    "down" = {
      query = "avg(avg_over_time(monitoring_googleapis_com:uptime_check_check_passed{monitored_resource=\"uptime_url\",check_id=\"${join("", google_monitoring_uptime_check_config.health[*].uptime_check_id)}\"}[5m])) < 0.5"
      text  = "The health check fails from most places."
    }
  }

  # The alerts whose metrics this deployment has.
  alerts_on = {
    for name, alert in local.alerts : name => alert
    if(var.own_database || !contains(["purge not run", "expired backlog"], name)) && (var.health_path != null || name != "down")
  }
}

resource "google_monitoring_notification_channel" "email" {
  for_each = toset(var.alert_emails)

  display_name = "${var.name}: ${each.key}"
  type         = "email"
  labels = {
    email_address = each.key
  }

  depends_on = [google_project_service.service]
}

resource "google_monitoring_alert_policy" "alert" {
  for_each = local.alerts_on

  display_name          = "${var.name}: ${each.key}"
  combiner              = "OR"
  notification_channels = [for channel in google_monitoring_notification_channel.email : channel.name]

  conditions {
    display_name = each.key

    condition_prometheus_query_language {
      query               = each.value.query
      duration            = "300s"
      evaluation_interval = "60s"

      # A function has no metric before its first request.
      disable_metric_validation = true
    }
  }

  documentation {
    content   = "${each.value.text} What to do: docs/runbook.md#alert-${lower(replace(each.key, " ", "-"))}"
    mime_type = "text/markdown"
  }

  depends_on = [google_logging_metric.counter, google_logging_metric.distribution, google_logging_metric.backlog]
}

# Google calls the health path each minute from several continents, with its own service account.
resource "google_monitoring_uptime_check_config" "health" {
  count = var.health_path == null ? 0 : 1

  display_name = "${var.name}: health"
  period       = "60s"
  timeout      = "10s"

  http_check {
    path         = var.health_path
    use_ssl      = true
    validate_ssl = true

    service_agent_authentication {
      type = "OIDC_TOKEN"
    }
  }

  monitored_resource {
    type = "uptime_url"
    labels = {
      project_id = var.project
      host       = trimprefix(google_cloudfunctions2_function.function[local.front].service_config[0].uri, "https://")
    }
  }
}

# The budget of a month for the whole project. Google sends mails at 50 %, 90 % and 100 % of it. It
# switches nothing off.
resource "google_billing_budget" "month" {
  provider = google.billing
  count    = var.billing_account == null ? 0 : 1

  billing_account = var.billing_account
  display_name    = "${var.name}: month"

  budget_filter {
    projects = ["projects/${data.google_project.project.number}"]
  }

  amount {
    specified_amount {
      units = var.monthly_budget
    }
  }

  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1.0]
    content {
      threshold_percent = threshold_rules.value
    }
  }

  dynamic "all_updates_rule" {
    for_each = length(var.alert_emails) > 0 ? [1] : []
    content {
      monitoring_notification_channels = slice([for channel in google_monitoring_notification_channel.email : channel.name], 0, min(5, length(var.alert_emails)))
    }
  }
}
