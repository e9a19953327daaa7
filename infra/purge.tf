# The Cloud Scheduler jobs that call the purge, each for its part of the sessions.
# infra/schedule_purge.py makes the same jobs for deployments without Terraform; the script also
# pauses, runs and shows these jobs.

resource "google_cloud_scheduler_job" "purge" {
  count = var.own_database ? var.purge_jobs : 0

  name             = "${local.functions["purge_expired_sessions"].name}${count.index == 0 ? "" : "-${count.index}"}"
  region           = var.location
  description      = "Removes expired sessions and their events."
  schedule         = var.purge_schedule
  time_zone        = var.purge_time_zone
  attempt_deadline = "${local.functions["purge_expired_sessions"].timeout + 60}s"

  http_target {
    http_method = "POST"
    uri         = "${google_cloudfunctions2_function.function["purge_expired_sessions"].service_config[0].uri}/v1beta1/sessions:purgeExpired${var.purge_jobs == 1 ? "" : "?shard=${count.index}/${var.purge_jobs}"}"

    oidc_token {
      service_account_email = google_service_account.scheduler.email
      audience              = google_cloudfunctions2_function.function["purge_expired_sessions"].service_config[0].uri
    }
  }

  retry_config {
    retry_count          = 3
    max_retry_duration   = "0s"
    min_backoff_duration = "10s"
    max_backoff_duration = "120s"
    max_doublings        = 5
  }

  # An apply does not resume a paused job.
  lifecycle {
    ignore_changes = [paused]
  }

  depends_on = [google_cloud_run_v2_service_iam_member.scheduler]
}

# Counts each hour what the purge has left behind, and removes nothing. The alert "expired backlog"
# reads the line that it leaves in the log.
resource "google_cloud_scheduler_job" "backlog" {
  count = var.own_database ? 1 : 0

  name             = "${local.functions["purge_expired_sessions"].name}-dry-run"
  region           = var.location
  description      = "Counts expired sessions that are still stored."
  schedule         = "5 * * * *"
  time_zone        = var.purge_time_zone
  attempt_deadline = google_cloud_scheduler_job.purge[0].attempt_deadline

  http_target {
    http_method = "POST"
    uri         = "${google_cloudfunctions2_function.function["purge_expired_sessions"].service_config[0].uri}/v1beta1/sessions:purgeExpired?dryRun=true"

    oidc_token {
      service_account_email = google_service_account.scheduler.email
      audience              = google_cloudfunctions2_function.function["purge_expired_sessions"].service_config[0].uri
    }
  }

  retry_config {
    retry_count = 1
  }

  # An apply does not start a job again that somebody has paused.
  lifecycle {
    ignore_changes = [paused]
  }

  depends_on = [google_cloud_run_v2_service_iam_member.scheduler]
}
