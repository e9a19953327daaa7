"""The queries, indexes and older documents of the Firestore store."""
