# Errors, and the two ways in which what expired is not removed. Each call of the purge writes one
# line, {"message": "purge", "purgedSessions": …, "deletedEvents": …, "done": …, "seconds": …}.

locals {
  watched      = join("|", [for function in local.functions : function.name])
  requests     = "run_googleapis_com:request_count{monitored_resource=\"cloud_run_revision\",service_name=~\"${local.watched}\"}"
  errors       = replace(local.requests, "}", ",response_code_class=\"5xx\"}")
  purge_metric = replace("${var.name}_purges", "-", "_")
  purges       = "logging_googleapis_com:user_${local.purge_metric}{monitored_resource=\"cloud_run_revision\"}"
  purges_done  = replace(local.purges, "}", ",done=\"true\"}")

  alerts = {
    "errors" = {
      query = "sum(rate(${local.errors}[10m])) / sum(rate(${local.requests}[10m])) > ${var.alert_error_rate} and sum(increase(${local.errors}[10m])) > 4.5"
      text  = "More requests than usual are answered with 5xx. What failed, with its trace: severity>=ERROR in the functions' logs."
    }
    # Without any call there is no series at all, which is no less than a call too few.
    "purge not run" = {
      query = "(sum(increase(${local.purges}[${var.alert_purge_hours}h])) or vector(0)) < 0.5"
      text  = "No purge came to its end in ${var.alert_purge_hours} hours. `python infra/schedule_purge.py status` shows the job and its last result; expired data stays invisible, and is paid for."
    }
    # A purge that ran out of time says done=false and goes on at its next call.
    "expired backlog" = {
      query = "sum(increase(${local.purges}[${var.alert_purge_hours}h])) > 0.5 unless sum(increase(${local.purges_done}[${var.alert_purge_hours}h])) > 0.5"
      text  = "More expires than the purge removes: for ${var.alert_purge_hours} hours every call of it ended with work left. Let it run more often, or longer: `timeouts` and --attempt-deadline."
    }
  }
}

resource "google_logging_metric" "purges" {
  name        = local.purge_metric
  description = "Calls of the purge, by whether they left nothing behind."
  filter      = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${local.functions["purge_expired_sessions"].name}\" AND jsonPayload.message=\"purge\""

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"

    labels {
      key         = "done"
      value_type  = "STRING"
      description = "true: nothing is left. false: the next call goes on."
    }
  }

  label_extractors = {
    done = "EXTRACT(jsonPayload.done)"
  }

  depends_on = [google_project_service.service]
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
  for_each = local.alerts

  display_name          = "${var.name}: ${each.key}"
  combiner              = "OR"
  notification_channels = [for channel in google_monitoring_notification_channel.email : channel.name]

  conditions {
    display_name = each.key

    condition_prometheus_query_language {
      query               = each.value.query
      duration            = "300s"
      evaluation_interval = "60s"

      # The metric of a function is not there before its first request.
      disable_metric_validation = true
    }
  }

  documentation {
    content   = each.value.text
    mime_type = "text/markdown"
  }

  depends_on = [google_logging_metric.purges]
}
