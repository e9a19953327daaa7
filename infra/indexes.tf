# Composite indexes. An equality of a filter on sessions is looked up in `facets`, an array, so that
# any of them with any order needs the four for facets: Firestore reads an index in its own direction
# only. Bounds on the ordered field, and the cursor, which ends in the document's name, come with them.

# filter=user_id="u", orderBy=create_time
resource "google_firestore_index" "sessions_by_facet_oldest_first" {
  database   = google_firestore_database.sessions.name
  collection = "sessions"

  fields {
    field_path   = "facets"
    array_config = "CONTAINS"
  }
  fields {
    field_path = "createTime"
    order      = "ASCENDING"
  }
}

# filter=user_id="u", orderBy=create_time desc
resource "google_firestore_index" "sessions_by_facet_newest_first" {
  database   = google_firestore_database.sessions.name
  collection = "sessions"

  fields {
    field_path   = "facets"
    array_config = "CONTAINS"
  }
  fields {
    field_path = "createTime"
    order      = "DESCENDING"
  }
}

# filter=user_id="u", orderBy=update_time
resource "google_firestore_index" "sessions_by_facet_stalest_first" {
  database   = google_firestore_database.sessions.name
  collection = "sessions"

  fields {
    field_path   = "facets"
    array_config = "CONTAINS"
  }
  fields {
    field_path = "updateTime"
    order      = "ASCENDING"
  }
}

# filter=user_id="u", in the default order: update_time desc
resource "google_firestore_index" "sessions_by_facet_latest_first" {
  database   = google_firestore_database.sessions.name
  collection = "sessions"

  fields {
    field_path   = "facets"
    array_config = "CONTAINS"
  }
  fields {
    field_path = "updateTime"
    order      = "DESCENDING"
  }
}

# list_runs and get_run, and filter=invocation_id="i" in list_events
resource "google_firestore_index" "events_by_invocation_oldest_first" {
  database   = google_firestore_database.sessions.name
  collection = "events"

  fields {
    field_path = "invocationId"
    order      = "ASCENDING"
  }
  fields {
    field_path = "key"
    order      = "ASCENDING"
  }
}

# filter=invocation_id="i", orderBy=timestamp desc
resource "google_firestore_index" "events_by_invocation_newest_first" {
  database   = google_firestore_database.sessions.name
  collection = "events"

  fields {
    field_path = "invocationId"
    order      = "ASCENDING"
  }
  fields {
    field_path = "key"
    order      = "DESCENDING"
  }
}

# Lists over all engines of a location take the same, in the scope of all collections `sessions`: a
# facet of the filter or, without one, the location's.

# reasoningEngines/-/sessions, orderBy=create_time
resource "google_firestore_index" "all_sessions_by_facet_oldest_first" {
  database    = google_firestore_database.sessions.name
  collection  = "sessions"
  query_scope = "COLLECTION_GROUP"

  fields {
    field_path   = "facets"
    array_config = "CONTAINS"
  }
  fields {
    field_path = "createTime"
    order      = "ASCENDING"
  }
}

# reasoningEngines/-/sessions, orderBy=create_time desc
resource "google_firestore_index" "all_sessions_by_facet_newest_first" {
  database    = google_firestore_database.sessions.name
  collection  = "sessions"
  query_scope = "COLLECTION_GROUP"

  fields {
    field_path   = "facets"
    array_config = "CONTAINS"
  }
  fields {
    field_path = "createTime"
    order      = "DESCENDING"
  }
}

# reasoningEngines/-/sessions, orderBy=update_time
resource "google_firestore_index" "all_sessions_by_facet_stalest_first" {
  database    = google_firestore_database.sessions.name
  collection  = "sessions"
  query_scope = "COLLECTION_GROUP"

  fields {
    field_path   = "facets"
    array_config = "CONTAINS"
  }
  fields {
    field_path = "updateTime"
    order      = "ASCENDING"
  }
}

# reasoningEngines/-/sessions, in the default order: update_time desc
resource "google_firestore_index" "all_sessions_by_facet_latest_first" {
  database    = google_firestore_database.sessions.name
  collection  = "sessions"
  query_scope = "COLLECTION_GROUP"

  fields {
    field_path   = "facets"
    array_config = "CONTAINS"
  }
  fields {
    field_path = "updateTime"
    order      = "DESCENDING"
  }
}
