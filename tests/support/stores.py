"""The stores that tests run on."""

STORES = ("sqlite", "firestore")

PATIENCE = {"STORE_TIMEOUT": "60s"}
"""A setting for every store: a busy machine does not fail a test."""
