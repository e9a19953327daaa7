"""The cloud store: Firestore documents named like the API's resources."""

from functions.store.firestore.layouts import Layout
from functions.store.firestore.store import FirestoreStore

__all__ = ["FirestoreStore", "Layout"]
