resource "google_firestore_database" "sessions" {
  name             = var.database
  location_id      = coalesce(var.database_location, var.location)
  type             = "FIRESTORE_NATIVE"
  database_edition = "STANDARD"

  point_in_time_recovery_enablement = var.point_in_time_recovery ? "POINT_IN_TIME_RECOVERY_ENABLED" : "POINT_IN_TIME_RECOVERY_DISABLED"

  # A destroy leaves a protected database alone and forgets it; `terraform import` finds it again.
  delete_protection_state = var.delete_protection ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy         = var.delete_protection ? "ABANDON" : "DELETE"

  depends_on = [google_project_service.service]
}
