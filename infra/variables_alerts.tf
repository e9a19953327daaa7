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

variable "alert_purge_hours" {
  description = "Hours without a finished purge that raise an alert: none ran, or all of them left work behind. At most 24."
  type        = number
  default     = 2

  validation {
    condition     = var.alert_purge_hours >= 1 && var.alert_purge_hours <= 24
    error_message = "alert_purge_hours must be 1 to 24."
  }
}
