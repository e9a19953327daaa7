# The database, its backups and its purge.

variable "database" {
  description = "Id of the Firestore database. The API's own collections are in it and nothing else should be: their indexes are by collection name."
  type        = string
  default     = "(default)"
}

variable "own_database" {
  description = "Whether this deployment makes the database, its indexes, its backups and the schedule of its purge. false: another deployment has made it, such as one in another region."
  type        = bool
  default     = true
}

variable "database_location" {
  description = "Where the data is; it can never change. A region, or a multi-region such as nam5 or eur3 for more availability at a higher price. Null: the region of the functions, which is the fastest."
  type        = string
  default     = null
}

variable "point_in_time_recovery" {
  description = "Keeps seven days of versions to restore from, for the price of their storage. Off, Firestore keeps an hour."
  type        = bool
  default     = true
}

variable "delete_protection" {
  description = "Refuses to delete the database. To tear it down with its data: apply with false, then destroy."
  type        = bool
  default     = true
}

variable "kms_key" {
  description = "Cloud KMS key, as projects/…/locations/…/keyRings/…/cryptoKeys/…, that encrypts the database; its location must be the database's. It takes effect only when the database is created. Null: Google's own keys."
  type        = string
  default     = null
}

variable "daily_backup_days" {
  description = "Days that each daily backup is kept, at most 98; 0 makes none. Erased data stays in backups as long."
  type        = number
  default     = 7

  validation {
    condition     = var.daily_backup_days >= 0 && var.daily_backup_days <= 98
    error_message = "daily_backup_days must be 0 to 98."
  }
}

variable "weekly_backup_weeks" {
  description = "Weeks that each Sunday's backup is kept, at most 14; 0 makes none. Erased data stays in backups as long."
  type        = number
  default     = 4

  validation {
    condition     = var.weekly_backup_weeks >= 0 && var.weekly_backup_weeks <= 14
    error_message = "weekly_backup_weeks must be 0 to 14."
  }
}

variable "lists_over_all_engines" {
  description = "Whether reasoningEngines/-/sessions can be listed. false saves eight indexes, and half of what an append moves in indexes; such a list then answers FAILED_PRECONDITION."
  type        = bool
  default     = true
}

variable "purge_schedule" {
  description = "When expired sessions are removed, in cron's five fields."
  type        = string
  default     = "*/10 * * * *"
}

variable "purge_time_zone" {
  description = "The time zone of purge_schedule, as the tz database names it."
  type        = string
  default     = "Etc/UTC"
}
