locals {
  # Of two deployments on one database, one owns it: with its indexes, its backups and its purge.
  database = var.own_database ? google_firestore_database.sessions[0].name : var.database

  # Firebase's format, so that `firebase deploy` and docs/deploy-with-gcloud.md read it, too.
  indexes = jsondecode(file("${path.module}/firestore.indexes.json")).indexes
}

resource "google_firestore_database" "sessions" {
  count = var.own_database ? 1 : 0

  name             = var.database
  location_id      = coalesce(var.database_location, var.location)
  type             = "FIRESTORE_NATIVE"
  database_edition = "STANDARD"

  point_in_time_recovery_enablement = var.point_in_time_recovery ? "POINT_IN_TIME_RECOVERY_ENABLED" : "POINT_IN_TIME_RECOVERY_DISABLED"

  # A destroy leaves a protected database alone and forgets it; `terraform import` finds it again.
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

# Composite indexes. list_sessions looks an equality of its filter up in `shardFacets`, an array, and
# orders by either time. Firestore reads an index in its own direction only, so each order has two. The
# scope COLLECTION_GROUP serves lists over all engines. The indexes of `facets` serve sessions of version
# 4 and before until they are brought up to date; new databases have nothing in them. list_runs, get_run
# and the filter on invocation_id look events up by their invocation.
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

# A backup of each day and one of each Sunday, in the database's own location. Point-in-time recovery
# goes with the database; backups outlive it.
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

# Firestore's own account encrypts with the key.
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
