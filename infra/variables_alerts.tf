# When to be told, and how.

variable "alert_emails" {
  description = "Addresses that alerts are sent to. Without any, incidents are only seen in the console."
  type        = list(string)
  default     = []
}

variable "alert_error_rate" {
  description = "Share of requests answered with 5xx, over ten minutes and five errors at least, that raises an alert."
  type        = number
  default     = 0.02
}

variable "alert_latency_ms" {
  description = "Milliseconds of the 99th percentile of requests, over ten minutes, that raise an alert."
  type        = number
  default     = 2000
}

variable "alert_refused_rate" {
  description = "Share of requests answered with 429, or with 409, over ten minutes and five of them at least, that raises an alert."
  type        = number
  default     = 0.02
}

variable "alert_purge_hours" {
  description = "Hours that raise an alert: no purge ran for so long, or sessions are stored that expired earlier. At most 24."
  type        = number
  default     = 2

  validation {
    condition     = var.alert_purge_hours >= 1 && var.alert_purge_hours <= 24
    error_message = "alert_purge_hours must be 1 to 24."
  }
}

variable "health_path" {
  description = "Path that answers 200 while the API can serve, for an uptime check. Null: no check."
  type        = string
  default     = null
}

variable "billing_account" {
  description = "Id of the billing account, for a budget; who applies needs roles/billing.costsManager on it. Null: no budget."
  type        = string
  default     = null
}

variable "monthly_budget" {
  description = "What a month may cost, in whole units of the billing account's currency."
  type        = number
  default     = 100
}
