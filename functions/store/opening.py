"""Opens the store that the settings name; only what it needs is imported."""

from functions.rules.settings import Settings
from functions.store.protocol import Store


def open_store(settings: Settings) -> Store:
    """The store of `SESSIONS_STORE`; SQLite's file is made with its folder."""
    scheme, _, rest = settings.store_url.partition("://")
    if scheme == "sqlite":
        from functions.store.sqlite import SqliteStore

        return SqliteStore(rest.removeprefix("/"), settings.store_timeout)
    from functions.store.firestore import FirestoreStore

    project, _, database = rest.partition("/")
    return FirestoreStore(
        project,
        database or "(default)",
        settings.firestore_emulator_host,
        settings.store_timeout,
    )
