# One page of charts, the most urgent first.

locals {
  charts = {
    "Requests a second, by status"          = "sum by (response_code) (rate(${local.requests}[5m]))"
    "Latency of the 99th percentile, in ms" = "histogram_quantile(0.99, sum by (le, method) (rate(${local.user}_latency_bucket{${local.series}}[5m])))"
    "Latency of the median, in ms"          = "histogram_quantile(0.5, sum by (le, method) (rate(${local.user}_latency_bucket{${local.series}}[5m])))"
    "Instances"                             = "sum by (service_name, state) (run_googleapis_com:container_instance_count{${local.series},service_name=~\"${local.watched}\"})"
    "Memory of an instance, share in use"   = "histogram_quantile(0.99, sum by (le, service_name) (rate(run_googleapis_com:container_memory_utilizations_bucket{${local.series},service_name=~\"${local.watched}\"}[5m])))"
    "Failures of Firestore, by code"        = "sum by (code) (increase(${local.failures}[5m]))"
    "Documents read a second, by method"    = "sum by (method) (rate(${local.user}_reads_sum{${local.series}}[5m]))"
    "Documents written a second, by method" = "sum by (method) (rate(${local.user}_writes_sum{${local.series}}[5m]))"
    "Purges, by whether nothing was left"   = "sum by (done) (increase(${local.purges}[1h]))"
    "Instance seconds billed in an hour"    = "sum by (service_name) (increase(run_googleapis_com:container_billable_instance_time{${local.series},service_name=~\"${local.watched}\"}[1h]))"
  }
}

resource "google_monitoring_dashboard" "sessions" {
  dashboard_json = jsonencode({
    displayName = "${var.name}: Agent Engine Sessions"
    gridLayout = {
      columns = "2"
      widgets = [
        for title, query in local.charts : {
          title = title
          xyChart = {
            dataSets = [{
              plotType        = "LINE"
              timeSeriesQuery = { prometheusQuery = query }
            }]
          }
        }
      ]
    }
  })

  depends_on = [google_logging_metric.counter, google_logging_metric.distribution]
}
