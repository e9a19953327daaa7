locals {
  # If two deployments share a database, one of them owns it with its indexes, backups and purge.
  database = var.own_database ? google_firestore_database.sessions[0].name : var.database

  # The file has Firebase's format; `firebase deploy` and docs/deploy-with-gcloud.md also read it.
  indexes = jsondecode(file("${path.module}/firestore.indexes.json")).indexes
}

resource "google_firestore_database" "sessions" {
  count = var.own_database ? 1 : 0

  name             = var.database
  location_id      = coalesce(var.database_location, var.location)
  type             = "FIRESTORE_NATIVE"
  database_edition = "STANDARD"

  point_in_time_recovery_enablement = var.point_in_time_recovery ? "POINT_IN_TIME_RECOVERY_ENABLED" : "POINT_IN_TIME_RECOVERY_DISABLED"

  # A destroy keeps a protected database and removes it from the state; `terraform import` adds it again.
  delete_protection_state = var.delete_protection ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy         = var.delete_protection ? "ABANDON" : "DELETE"

  dynamic "cmek_config" {
    for_each = var.kms_key[*]
    content {
      kms_key_name = cmek_config.value
    }
  }

  depends_on = [google_project_service.service, time_sleep.kms]
}

# Composite indexes. list_sessions finds an equality of its filter in the array `shardFacets` and orders
# by createTime or updated. Firestore reads an index in one direction only, so each order has two
# indexes. The scope COLLECTION_GROUP serves lists over all engines. The indexes of `facets` serve sessions
# of version 4 and before until the purge has migrated them; in new databases they are empty. list_runs,
# get_run and filters on invocation_id find events by their invocation.
resource "google_firestore_index" "index" {
  for_each = {
    for index in local.indexes :
    join("/", concat([index.collectionGroup, index.queryScope], [for field in index.fields : "${field.fieldPath}:${try(field.order, field.arrayConfig)}"])) => index
    if var.own_database && (var.lists_over_all_engines || !(index.queryScope == "COLLECTION_GROUP" && can(index.fields[0].arrayConfig)))
  }

  database    = local.database
  collection  = each.value.collectionGroup
  query_scope = each.value.queryScope

  dynamic "fields" {
    for_each = each.value.fields
    content {
      field_path   = fields.value.fieldPath
      order        = try(fields.value.order, null)
      array_config = try(fields.value.arrayConfig, null)
    }
  }
}

# A daily and a weekly backup, in the location of the database. Point-in-time recovery ends with the
# database; backups outlive it.
resource "google_firestore_backup_schedule" "daily" {
  count = var.own_database && var.daily_backup_days > 0 ? 1 : 0

  database  = local.database
  retention = "${var.daily_backup_days * 24 * 60 * 60}s"

  daily_recurrence {}
}

resource "google_firestore_backup_schedule" "weekly" {
  count = var.own_database && var.weekly_backup_weeks > 0 ? 1 : 0

  database  = local.database
  retention = "${var.weekly_backup_weeks * 7 * 24 * 60 * 60}s"

  weekly_recurrence {
    day = "SUNDAY"
  }
}

# Firestore's service agent encrypts with the key.
resource "google_kms_crypto_key_iam_member" "firestore" {
  count = var.kms_key == null ? 0 : 1

  crypto_key_id = var.kms_key
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = google_project_service_identity.agent["firestore.googleapis.com"].member
}

resource "time_sleep" "kms" {
  count = var.kms_key == null ? 0 : 1

  create_duration = "120s"
  depends_on      = [google_kms_crypto_key_iam_member.firestore]
}
