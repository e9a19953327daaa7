"""Opens the store that the settings name, and imports no other."""

import os

from functions.config.settings import SQLITE, Settings
from functions.store.protocol import Store


def open_store(settings: Settings) -> Store:
    """The store of `SESSIONS_STORE`; SQLite's file is made with its folder."""
    url = settings.store_url
    if url.startswith(SQLITE):
        from functions.store.sqlite import SqliteStore

        return SqliteStore(sqlite_path(url), settings.store_timeout)
    from functions.store.firestore import FirestoreStore, Layout

    project, _, database = url.partition("://")[2].partition("/")
    return FirestoreStore(
        project,
        database or "(default)",
        settings.firestore_emulator_host,
        settings.store_timeout,
        Layout(settings.shards, settings.indexed_labels),
    )


def sqlite_path(url: str) -> str:
    """The path of a `sqlite:///` URL; `~` in front is the home folder, as in a shell."""
    return os.path.expanduser(url.removeprefix(SQLITE))
