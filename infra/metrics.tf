# Metrics that Cloud Logging derives from the log. The server writes one line for each request with its
# method, status, latencyMs, and the documents that it read and wrote. For each purge it writes
# {"message": "purge", "purgedSessions": …, "deletedEvents": …, "done": …, "seconds": …}. For each dry run
# it writes {"message": "backlog", "expiredSessions": …, "oldestSeconds": …}. For each failed call of
# Firestore it writes the warning "Firestore answered StatusCode.CODE: …".

locals {
  prefix  = replace(var.name, "-", "_")
  watched = join("|", [for function in local.functions : function.name])
  log     = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=~\"^(${local.watched})$\""

  distributions = {
    latency = { field = "latencyMs", unit = "ms", labels = ["method", "status"] }
    reads   = { field = "reads", unit = "1", labels = ["method"] }
    writes  = { field = "writes", unit = "1", labels = ["method"] }
  }

  counters = {
    purges = {
      filter = "${local.log} AND jsonPayload.message=\"purge\""
      labels = { done = "EXTRACT(jsonPayload.done)" }
    }
    # From Cloud Run's log of requests: its metric of requests leaves out those that it answers itself.
    refusals = {
      filter = "${local.log} AND httpRequest.status=(409 OR 429)"
      labels = { status = "EXTRACT(httpRequest.status)" }
    }
    firestore_failures = {
      filter = "${local.log} AND jsonPayload.message=~\"^Firestore answered StatusCode\""
      labels = { code = "REGEXP_EXTRACT(jsonPayload.message, \"StatusCode[.]([A-Z_]+)\")" }
    }
  }
}

resource "google_logging_metric" "distribution" {
  for_each = local.distributions

  name            = "${local.prefix}_${each.key}"
  description     = "${each.value.field} of each request, by ${join(" and ", each.value.labels)}."
  filter          = "${local.log} AND jsonPayload.${each.value.field}>=0"
  value_extractor = "EXTRACT(jsonPayload.${each.value.field})"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    unit        = each.value.unit

    dynamic "labels" {
      for_each = each.value.labels
      content {
        key        = labels.value
        value_type = "STRING"
      }
    }
  }

  label_extractors = { for label in each.value.labels : label => "EXTRACT(jsonPayload.${label})" }

  # 1 to 10^6 in steps of a quarter.
  bucket_options {
    exponential_buckets {
      num_finite_buckets = 62
      growth_factor      = 1.25
      scale              = 1
    }
  }

  depends_on = [google_project_service.service]
}

resource "google_logging_metric" "counter" {
  for_each = local.counters

  name        = "${local.prefix}_${each.key}"
  description = "Lines of the log, by ${join(" and ", keys(each.value.labels))}."
  filter      = each.value.filter

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"

    dynamic "labels" {
      for_each = each.value.labels
      content {
        key        = labels.key
        value_type = "STRING"
      }
    }
  }

  label_extractors = each.value.labels

  depends_on = [google_project_service.service]
}

resource "google_logging_metric" "backlog" {
  name            = "${local.prefix}_backlog"
  description     = "Seconds since the oldest session expired that is still stored, at each dry run of the purge."
  filter          = "${local.log} AND jsonPayload.message=\"backlog\""
  value_extractor = "EXTRACT(jsonPayload.oldestSeconds)"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    unit        = "s"
  }

  # 1 s to a month and more, each bucket half as wide again.
  bucket_options {
    exponential_buckets {
      num_finite_buckets = 37
      growth_factor      = 1.5
      scale              = 1
    }
  }

  depends_on = [google_project_service.service]
}
