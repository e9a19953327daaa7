# The thresholds of the alerts, and the addresses that receive them.

variable "alert_emails" {
  description = "Addresses that receive alerts. Without any, only the console shows incidents."
  type        = list(string)
  default     = []
}

variable "alert_error_rate" {
  description = "Share of requests with a 5xx answer in ten minutes that raises an alert, if there are at least five."
  type        = number
  default     = 0.02
}

variable "alert_latency_ms" {
  description = "99th percentile of the latency in ten minutes, in milliseconds, that raises an alert."
  type        = number
  default     = 2000
}

variable "alert_refused_rate" {
  description = "Share of requests with a 429 answer, or with a 409 answer, in ten minutes that raises an alert, if there are at least five."
  type        = number
  default     = 0.02
}

variable "alert_purge_hours" {
  description = "Hours, 1 to 24, that raise an alert: no purge ran for so long, or sessions are stored that expired earlier."
  type        = number
  default     = 2

  validation {
    condition     = var.alert_purge_hours >= 1 && var.alert_purge_hours <= 24
    error_message = "alert_purge_hours must be 1 to 24."
  }
}

variable "health_path" {
  description = "Path that answers 200 while the API can serve, for an uptime check. Every function answers /health. Null: no check."
  type        = string
  default     = "/health"
}

variable "billing_account" {
  description = "Id of the billing account, for a budget. Terraform's account needs roles/billing.costsManager on it. Null: no budget."
  type        = string
  default     = null
}

variable "monthly_budget" {
  description = "Budget of a month, in whole units of the billing account's currency."
  type        = number
  default     = 100
}
