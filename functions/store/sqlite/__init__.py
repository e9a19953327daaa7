"""The embedded store: one SQLite file, shared by any number of threads and processes."""

from functions.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
