"""Where sessions live: one protocol, an embedded SQLite store and a Firestore store."""
