# Single-field indexes. By itself Firestore indexes every field of every document in both directions,
# which is paid for with each write. Here each collection is exempted as a whole, and a field that
# is queried gets the indexes of those queries and no more.

# State is up to a megabyte of text in as many fields as it has keys; the rest is read, never queried:
# userId, displayName, labels, expireTime, incarnation, erasing.
resource "google_firestore_field" "sessions" {
  database   = google_firestore_database.sessions.name
  collection = "sessions"
  field      = "*"

  index_config {}
}

# list_sessions, orderBy=create_time
resource "google_firestore_field" "sessions_create_time" {
  database   = google_firestore_database.sessions.name
  collection = "sessions"
  field      = "createTime"

  index_config {
    indexes {
      order = "ASCENDING"
    }
    indexes {
      order = "DESCENDING"
    }
  }
}

# list_sessions, orderBy=update_time, and what moved while its pages were walked
resource "google_firestore_field" "sessions_update_time" {
  database   = google_firestore_database.sessions.name
  collection = "sessions"
  field      = "updateTime"

  index_config {
    indexes {
      order = "ASCENDING"
    }
    indexes {
      order = "DESCENDING"
    }
  }
}

# delete_reasoning_engine asks whether an engine has a live session; the purge, for all expired ones
resource "google_firestore_field" "sessions_expiry" {
  database   = google_firestore_database.sessions.name
  collection = "sessions"
  field      = "expiry"

  index_config {
    indexes {
      order = "ASCENDING"
    }
    indexes {
      order       = "ASCENDING"
      query_scope = "COLLECTION_GROUP"
    }
  }
}

# DELETE projects/*/locations/*/sessions/* finds a session by its id, whatever its engine
resource "google_firestore_field" "sessions_session_id" {
  database   = google_firestore_database.sessions.name
  collection = "sessions"
  field      = "sessionId"

  index_config {
    indexes {
      order       = "ASCENDING"
      query_scope = "COLLECTION_GROUP"
    }
  }
}

# An event's text is up to a megabyte; author is filtered in process, invocationId looked up in the
# composite indexes.
resource "google_firestore_field" "events" {
  database   = google_firestore_database.sessions.name
  collection = "events"
  field      = "*"

  index_config {}
}

# list_events, in either order of timestamp, and where list_runs looks for runs
resource "google_firestore_field" "events_key" {
  database   = google_firestore_database.sessions.name
  collection = "events"
  field      = "key"

  index_config {
    indexes {
      order = "ASCENDING"
    }
    indexes {
      order = "DESCENDING"
    }
  }
}

# watch_events: listeners take what arrived last, and those behind them the rest in order
resource "google_firestore_field" "events_arrived" {
  database   = google_firestore_database.sessions.name
  collection = "events"
  field      = "arrived"

  index_config {
    indexes {
      order = "ASCENDING"
    }
    indexes {
      order = "DESCENDING"
    }
  }
}

# A user's state is found by its name.
resource "google_firestore_field" "users" {
  database   = google_firestore_database.sessions.name
  collection = "users"
  field      = "*"

  index_config {}
}

# app is state, resource is JSON, updateTime and hasUserState are only read.
resource "google_firestore_field" "engines" {
  database   = google_firestore_database.sessions.name
  collection = "reasoningEngines"
  field      = "*"

  index_config {}
}

# list_reasoning_engines, oldest first
resource "google_firestore_field" "engines_create_time" {
  database   = google_firestore_database.sessions.name
  collection = "reasoningEngines"
  field      = "createTime"

  index_config {
    indexes {
      order = "ASCENDING"
    }
  }
}

# The one document that says which version all others are of; it is found by its name.
resource "google_firestore_field" "schema" {
  database   = google_firestore_database.sessions.name
  collection = "schema"
  field      = "*"

  index_config {}
}
