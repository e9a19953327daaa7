# Composite indexes. An equality of a filter is looked up in `facets`, an array, so that any of them
# with any order needs these four: Firestore reads an index in its own direction only. Bounds on the
# ordered field, and the cursor, which ends in the document's name, come with them.

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
