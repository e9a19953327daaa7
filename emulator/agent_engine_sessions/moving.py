"""The commands that move sessions in and out of a server, and remove them; docs/move.md."""

import contextlib
import os
import re
import shutil
import signal
import sys
import tempfile
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import click
import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from agent_engine_sessions.remote import Cut, Refused, Remote, Report, Unreadable
from agent_engine_sessions.serving import KEY_VARIABLE, TOKEN_VARIABLE, URL_VARIABLE

MANAGED = "projects/"
"""How the name of an engine of the managed service begins."""

_ENGINE = re.compile(r"projects/[^/]+/locations/[^/]+/reasoningEngines/[^/]+")
_EVERY_ENGINE = "reasoningEngines/-"
_STANDARD = "-"
"""The file that is standard input or output."""

_DEFAULT_URL = "http://127.0.0.1:8080"

_err = Console(stderr=True)


_engine = click.option(
    "--engine",
    default="-",
    show_default=True,
    help="An engine's id or full name; - is all engines of the server's location.",
)


def _connected(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options that say which server, and who calls."""
    options = (
        click.option(
            "--url", envvar=URL_VARIABLE, default=_DEFAULT_URL, show_default=True, show_envvar=True
        ),
        click.option("--token", envvar=TOKEN_VARIABLE, show_envvar=True, help="A bearer token."),
        click.option("--api-key", envvar=KEY_VARIABLE, show_envvar=True),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _remote(url: str, engine: str, token: str | None, api_key: str | None) -> Remote:
    """The server that the options name; raises click.UsageError if they cannot be sent."""
    parent = engine if "/" in engine else f"reasoningEngines/{engine}"
    try:
        return Remote(url, parent, token=token or "", api_key=api_key or "")
    except ValueError as error:
        raise click.UsageError(str(error)) from None


@contextlib.contextmanager
def _progress(verb: str) -> Iterator[Report]:
    """Shows counts on standard error while the command works; a failure is one sentence."""
    counts: dict[str, int] = {}
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    # Where standard error is no terminal, rich would still write blank lines.
    is_shown = _err.is_terminal
    with Progress(*columns, console=_err, transient=True, disable=not is_shown) as progress:
        task = progress.add_task(verb, total=None)

        def report(what: str, count: int) -> None:
            counts[what] = counts.get(what, 0) + count
            said = ", ".join(f"{number} {name}" for name, number in counts.items())
            progress.update(task, description=f"{verb}: {said}")

        try:
            yield report
        except (Refused, Cut, Unreadable, httpx.TransportError) as error:
            progress.stop()
            raise SystemExit(f"{verb} failed: {error}") from None


@click.command("export")
@_connected
@_engine
@click.option("--filter", "query", default="", help='Such as user_id="ada".')
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
def export_sessions(
    url: str, engine: str, token: str | None, api_key: str | None, query: str, file: Path
) -> None:
    """Writes sessions with their events and their state to FILE, a line for each.

    FILE may be -, standard output.
    """
    remote = _remote(url, engine, token, api_key)
    with _progress("Export") as report, _whole(file) as lines:
        total = remote.export(lines, query, report)
    is_standard = str(file) == _STANDARD
    place = "on standard output" if is_standard else f"in {file}"
    click.echo(
        f"{total['session']} sessions with {total['event']} events are {place}.", err=is_standard
    )


@click.command("import")
@_connected
@_engine
@click.option(
    "--from",
    "source",
    metavar="SOURCE",
    help="An ADK session service's URI, such as sqlite:///sessions.db or firestore://PROJECT, or "
    "the name of an engine of the managed service, projects/P/locations/L/reasoningEngines/E.",
)
@click.option("--app", "apps", multiple=True, help="An app's name in ADK; give it for each app.")
@click.option("--source-url", help="Another address of the managed service.", hidden=True)
@click.argument("file", required=False, type=click.Path(allow_dash=True, path_type=Path))
def import_sessions(
    url: str,
    engine: str,
    token: str | None,
    api_key: str | None,
    source: str | None,
    apps: tuple[str, ...],
    source_url: str | None,
    file: Path | None,
) -> None:
    """Adds the sessions of FILE, which `export` wrote, or of another session service.

    Sessions keep their ids, times, order and state. Sent again, the command adds what is missing.
    """
    if (source is None) == (file is None):
        raise click.UsageError("Give either FILE or --from SOURCE.")
    is_managed = source is not None and source.startswith(MANAGED)
    if source is not None and is_managed and not _ENGINE.fullmatch(source):
        raise click.UsageError(
            "--from must be as projects/P/locations/L/reasoningEngines/E where it begins with "
            f"{MANAGED}: {source}"
        )
    if source is not None and not is_managed and not apps:
        raise click.UsageError("ADK lists the sessions of one app: name each with --app.")
    remote = _remote(url, engine, token, api_key)
    lost: list[str] = []
    with _progress("Import") as report:
        if source is not None:
            try:
                from agent_engine_sessions.sources import read_source
            except ModuleNotFoundError as error:
                raise click.UsageError(
                    f"--from needs {error.name}: pip install '.[adk]' in a checkout"
                ) from None
            try:
                lines = read_source(source, apps, lost.append, source_url)
            except ImportError as error:
                # The message names the package that one of ADK's services needs.
                raise click.UsageError(str(error)) from None
        else:
            lines = _lines_of(file or Path(_STANDARD))
        answer = remote.import_lines(lines, report)
    click.echo(
        f"{answer['importedSessions']} sessions and {answer['importedEvents']} events are new, "
        f"{answer['skipped']} lines were there already."
    )
    for sentence in lost:
        click.echo(f"Not moved: {sentence}", err=True)
    for name in answer["conflicts"]:
        click.echo(f"Left as it is, since the server has another content: {name}", err=True)
    if answer["conflicts"]:
        sys.exit(1)


@click.command("erase")
@_connected
@_engine
@click.option("--dry-run", is_flag=True, help="Counts and removes nothing.")
@click.option("--yes", is_flag=True, help="Does not ask.")
@click.argument("user_id")
def erase_user(
    url: str,
    engine: str,
    token: str | None,
    api_key: str | None,
    dry_run: bool,
    yes: bool,
    user_id: str,
) -> None:
    """Removes all sessions and all state of a user, in all engines unless one is given."""
    remote = _remote(url, engine, token, api_key)
    with _progress("Count") as report:
        found = remote.erase(user_id, report, dry_run=True)
    click.echo(
        f"{user_id} has {found['erasedSessions']} sessions with {found['erasedEvents']} events."
    )
    if dry_run:
        return
    if not yes:
        click.confirm("Erase all of it, for ever?", abort=True)
    with _progress("Erase") as report:
        total = remote.erase(user_id, report)
    click.echo(f"{total['erasedSessions']} sessions and {total['erasedEvents']} events are gone.")


@click.command("purge")
@_connected
@click.option("--dry-run", is_flag=True, help="Counts and removes nothing.")
def purge(url: str, token: str | None, api_key: str | None, dry_run: bool) -> None:
    """Removes expired and deleted sessions of all engines until none is left."""
    remote = _remote(url, _EVERY_ENGINE, token, api_key)
    if dry_run:
        with _progress("Count"):
            found: dict[str, Any] = remote.backlog()
        more = "at least " if found.get("atLeast") else ""
        click.echo(f"{more}{found['expiredSessions']} expired sessions are stored.")
        return
    with _progress("Purge") as report:
        total = remote.purge(report)
    click.echo(f"{total['purgedSessions']} sessions and {total['deletedEvents']} events are gone.")


@click.command("open")
@click.option("--url", envvar=URL_VARIABLE, default=_DEFAULT_URL, show_default=True)
def open_console(url: str) -> None:
    """Opens the console of a server in the browser."""
    address = f"{url.rstrip('/')}/console"
    if not webbrowser.open(address):
        raise SystemExit(f"No browser opens here: go to {address}")


def seed_server(url: str, file: Path) -> None:
    """Imports a file into the server of this process's parent, and stops that if it fails.

    Raises SystemExit with a sentence then.
    """
    try:
        with _progress("Import") as report:
            answer = Remote(url, _EVERY_ENGINE).import_lines(_lines_of(file), report)
        if answer["conflicts"]:
            raise SystemExit(f"{file} and the store disagree: {', '.join(answer['conflicts'])}")
    except BaseException as error:
        os.kill(os.getppid(), signal.SIGTERM)
        if isinstance(error, SystemExit):
            raise
        raise SystemExit(f"{file} is no export: {error}") from None


def export_server(url: str, file: Path) -> None:
    """Exports all sessions of a server to a file."""
    with _progress("Export") as report, _whole(file) as lines:
        Remote(url, _EVERY_ENGINE).export(lines, "", report)


COMMANDS: dict[str, click.Command] = {
    str(command.name): command
    for command in (export_sessions, import_sessions, erase_user, purge, open_console)
}


@contextlib.contextmanager
def _whole(file: Path) -> Iterator[BinaryIO]:
    """A file to write that takes its name once the block is through; `-` is standard output.

    Nothing is left of it where the block fails.
    """
    if str(file) == _STANDARD:
        # An export goes back in its file where the stream is cut.
        with tempfile.TemporaryFile() as kept:
            yield kept
            kept.seek(0)
            shutil.copyfileobj(kept, sys.stdout.buffer)
        return
    part = file.with_name(f"{file.name}.part")
    try:
        opened = part.open("wb")
    except OSError as error:
        raise SystemExit(f"{part}: {error.strerror}.") from None
    try:
        with opened:
            yield opened
        part.replace(file)
    except BaseException:
        part.unlink()
        raise


def _lines_of(file: Path) -> Iterator[bytes]:
    with contextlib.ExitStack() as stack:
        if str(file) == _STANDARD:
            stream = sys.stdin.buffer
        else:
            try:
                stream = stack.enter_context(file.open("rb"))
            except OSError as error:
                raise SystemExit(f"{file}: {error.strerror}.") from None
        yield from stream
