"""Copies a SQLite store while servers use it: `python -m functions.store.sqlite.backup [TO]`.

A plain copy of the file is often corrupt, since SQLite writes while it is read. This goes over
SQLite's own backup interface, in one step: the copy is the store at one moment, with everything
acknowledged before, and servers read and write meanwhile. See sqlite.org/backup.html.

To restore: stop the servers, put the copy in the place of the store's file, remove the files of
the same name that end in `-wal` and `-shm`, and start the servers.
"""

import os
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from functions.config.settings import IN_MEMORY, SQLITE, Settings
from functions.store.opening import sqlite_path


class BackupFailed(Exception):
    """The message is a sentence that says why there is no copy."""


def back_up(source: Path, target: Path) -> None:
    """Copies a store's file to `target` and checks the copy; a failure leaves no `target`.

    Raises BackupFailed if there is no store, if `target` exists, or if the copy is not sound.
    """
    if not source.is_file():
        raise BackupFailed(f"There is no store at {source}.")
    if target.exists():
        raise BackupFailed(f"{target} exists already.")
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        with closing(sqlite3.connect(source)) as store, closing(sqlite3.connect(part)) as copy:
            # All pages in one step: between steps, a server's commit would start the copy again.
            store.backup(copy, pages=-1)
            # One file is easier to keep than one with a log beside it.
            copy.execute("PRAGMA journal_mode = DELETE")
            ((found, *_),) = copy.execute("PRAGMA integrity_check(1)").fetchall()
    except (OSError, sqlite3.DatabaseError) as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise BackupFailed(f"{source} could not be copied to {target}: {error}.") from error
    if found != "ok":
        part.unlink()
        raise BackupFailed(f"The copy of {source} is not sound: {found}.")
    part.rename(target)


def main(arguments: Sequence[str]) -> None:
    """Backs up the store of the settings; raises SystemExit if it cannot."""
    url = Settings.from_environment(os.environ).store_url
    if not url.startswith(SQLITE) or url == IN_MEMORY:
        raise SystemExit(f"Only a SQLite file is backed up like this; the store is {url}.")
    source = Path(sqlite_path(url))
    now = datetime.now(UTC)
    target = Path(arguments[0]) if arguments else source.with_suffix(f".{now:%Y%m%dT%H%M%SZ}.db")
    try:
        back_up(source, target)
    except BackupFailed as error:
        raise SystemExit(str(error)) from None
    print(f"{source} is backed up to {target}.")


if __name__ == "__main__":
    main(sys.argv[1:])
