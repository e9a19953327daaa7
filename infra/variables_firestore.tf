# The database, its backups and its purge.

variable "database" {
  description = "Id of the Firestore database. Keep no other collections in it: indexes belong to collection names."
  type        = string
  default     = "(default)"
}

variable "own_database" {
  description = "Whether this deployment makes the database with its indexes, its backups and the schedule of its purge. false: another deployment has made the database, such as one in another region."
  type        = bool
  default     = true
}

variable "database_location" {
  description = "Location of the data, which can never change: a region, or a multi-region such as nam5 or eur3 for more availability at a higher price. Null: the region of the functions, which is the fastest."
  type        = string
  default     = null
}

variable "point_in_time_recovery" {
  description = "true: Firestore keeps seven days of versions to restore from, for the price of their storage. false: it keeps one hour."
  type        = bool
  default     = true
}

variable "delete_protection" {
  description = "true: Firestore refuses to delete the database. To delete it with its data, apply with false, then destroy."
  type        = bool
  default     = true
}

variable "kms_key" {
  description = "Cloud KMS key that encrypts the database and its backups, as projects/…/locations/…/keyRings/…/cryptoKeys/…. The key must be in the database's location. It takes effect only when the database is created. Null: Google's keys."
  type        = string
  default     = null
}

variable "daily_backup_days" {
  description = "Days that Firestore keeps each daily backup, at most 98; 0 makes none. Deleted data stays in backups for this time."
  type        = number
  default     = 7

  validation {
    condition     = var.daily_backup_days >= 0 && var.daily_backup_days <= 98
    error_message = "daily_backup_days must be 0 to 98."
  }
}

variable "weekly_backup_weeks" {
  description = "Weeks that Firestore keeps each Sunday's backup, at most 14; 0 makes none. Deleted data stays in backups for this time."
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

variable "purge_jobs" {
  description = "Jobs that purge side by side, each a part of all sessions, on an instance of its own. One job purges about two million sessions a day; see docs/write-rates.md."
  type        = number
  default     = 1

  validation {
    condition     = var.purge_jobs >= 1 && var.purge_jobs <= 30 && floor(var.purge_jobs) == var.purge_jobs
    error_message = "purge_jobs must be a whole number from 1 to 30."
  }
}

variable "purge_schedule" {
  description = "Schedule of the purge, in cron's five fields."
  type        = string
  default     = "*/10 * * * *"
}

variable "purge_time_zone" {
  description = "The time zone of purge_schedule, as the tz database names it."
  type        = string
  default     = "Etc/UTC"
}
