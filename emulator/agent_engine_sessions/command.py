"""The command `agent-engine-sessions`."""

import contextlib
import os
import sys
from importlib.util import find_spec
from pathlib import Path

import click

from agent_engine_sessions.serving import (
    URL_VARIABLE,
    CannotListen,
    address_of,
    become_server,
    check_store_file,
    health_status,
    listen,
    python_of_server,
    reserve,
    server_version,
    store_place,
    store_url,
)

_SESSIONS = "/v1beta1/projects/local/locations/us-central1/reasoningEngines/1/sessions"

_STRICT = {
    "EXTENSIONS": "false",
    "MAX_PAGE_SIZE": "100",
    "MIN_TTL": "86400s",
    "REQUIRE_ENGINE": "true",
    "SESSION_IDS": "official",
    "UNKNOWN_FIELDS": "strict",
}
"""The settings with which the server refuses what the managed service refuses."""

_store = click.option(
    "--store",
    metavar="memory|FILE|firestore://PROJECT",
    help="Where sessions live. Default: SESSIONS_STORE, else the file .data/sessions.db.",
)


class _Commands(click.Group):
    """A group that imports the commands of `moving` when one is asked for: `start` is faster."""

    _moving = ("export", "import", "erase", "purge", "open")

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *self._moving]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._moving:
            return super().get_command(ctx, cmd_name)
        from agent_engine_sessions.moving import COMMANDS

        return COMMANDS[cmd_name]


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(server_version(), message="%(version)s")
def main() -> None:
    """Agent Engine Sessions on your own machine."""


@main.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    envvar="PORT",
    help="Where to listen; 0 is any free port.",
)
@click.option("--host", default="127.0.0.1", show_default=True, envvar="HOST")
@_store
@click.option(
    "--grpc-port",
    type=click.IntRange(0, 65535),
    help="Also answers gRPC there; 0 is any free port.",
)
@click.option("--emulator", is_flag=True, help="Lets tests control the clock, faults and data.")
@click.option(
    "--clock",
    metavar="2026-01-01T00:00:00Z",
    help="When the emulator's clock starts; it goes on from there. Implies --emulator.",
)
@click.option("--strict", is_flag=True, help="Refuses what the managed service refuses.")
@click.option("--ready-fd", type=int, metavar="N", help="Also writes the URL to this descriptor.")
@click.option(
    "--url-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also writes the URL to this file.",
)
@click.option(
    "--while-locked",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Ends when no process holds a lock of flock(2) on this file.",
)
@click.option("--announce-fd", type=int, hidden=True)
@click.option(
    "--seed",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Imports this file, which `export` wrote, before the URL is printed.",
)
@click.option(
    "--export-on-exit",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Exports all sessions to this file when the server is told to stop.",
)
@click.option("--hint", is_flag=True, help="Also prints a first request to try.")
def start(
    port: int,
    host: str,
    store: str | None,
    grpc_port: int | None,
    emulator: bool,
    clock: str | None,
    strict: bool,
    ready_fd: int | None,
    url_file: Path | None,
    while_locked: Path | None,
    announce_fd: int | None,
    seed: Path | None,
    export_on_exit: Path | None,
    hint: bool,
) -> None:
    """Serves the whole API, and prints one line with the URL once it answers."""
    for option, file in (("--url-file", url_file), ("--export-on-exit", export_on_exit)):
        if file is not None and not _can_be_made(file):
            raise SystemExit(
                f"{option}={file} cannot be written: make its folder, or name another one."
            )
    # A child, which has --announce-fd, serves and seeds.
    if export_on_exit is not None or (seed is not None and announce_fd is None):
        from agent_engine_sessions.exporting import serve_and_export

        sys.exit(serve_and_export(export_on_exit, ready_fd))
    environment = _environment(store)
    if strict:
        environment |= _STRICT
    if emulator or clock:
        environment["EMULATOR"] = "true"
    if clock:
        environment["EMULATOR_CLOCK"] = clock
    if grpc_port is not None:
        _need("google.cloud.aiplatform", "gRPC", "grpc")
    try:
        listener = listen(host, port)
        holder = None if grpc_port is None else reserve(host, grpc_port)
    except CannotListen as error:
        raise SystemExit(str(error)) from None
    place = store_place(environment)
    if isinstance(place, Path):
        try:
            check_store_file(place)
        except ValueError as error:
            raise SystemExit(str(error)) from None
    if holder is not None:
        environment["GRPC_ADDRESS"] = address_of(holder)
    grpc_address = environment.get("GRPC_ADDRESS")

    def announce(url: str) -> None:
        if seed is not None:
            from agent_engine_sessions.moving import seed_server

            seed_server(url, seed)
        print(f"Sessions are in {place}.", file=sys.stderr, flush=True)
        grpc = f", gRPC at {grpc_address}" if grpc_address else ""
        print(f"Agent Engine Sessions answers at {url}{grpc}", flush=True)
        if hint:
            print(f'\n  curl {url}{_SESSIONS} -d \'{{"userId": "me"}}\'\n', flush=True)
        if url_file is not None:
            _write_whole(url_file, url)
        for descriptor in filter(None, (ready_fd, announce_fd)):
            os.write(descriptor, f"{url}\n".encode())

    become_server(listener, environment, announce, ready_fd, while_locked)


@main.command()
@click.option("--url", default="http://127.0.0.1:8080", show_default=True)
def env(url: str) -> None:
    """Prints what to export, so that fixtures and ADK's service use a running server."""
    print(f"export {URL_VARIABLE}={url}")


@main.command()
@click.option("--port", type=int, default=8080, show_default=True, envvar="PORT")
def check(port: int) -> None:
    """Ends with 0 if a server of this machine answers and can serve, else with 1."""
    status = health_status(f"http://127.0.0.1:{port}")
    sys.exit(0 if status is not None and status < 500 else 1)


@main.command()
@_store
@click.argument("to", required=False, type=click.Path(path_type=Path))
def backup(store: str | None, to: Path | None) -> None:
    """Copies a SQLite store, also while servers use it, to TO or beside it."""
    python, environment = python_of_server(_environment(store))
    command = [*python, "-m", "functions.store.sqlite.backup", *([str(to)] if to else [])]
    sys.stdout.flush()
    os.execve(command[0], command, environment)


def _environment(store: str | None) -> dict[str, str]:
    """The server's environment variables.

    Raises click.UsageError for a wrong store, and when a package is missing.
    """
    environment = dict(os.environ)
    if store:
        try:
            environment["SESSIONS_STORE"] = store_url(store)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--store") from None
    is_firestore = environment.get("SESSIONS_STORE", "").startswith("firestore:")
    if is_firestore:
        _need("grpc", "Firestore", "firestore")
    return environment


def _need(package: str, what: str, extra: str) -> None:
    """Raises click.UsageError if a package of the extra is missing."""
    with contextlib.suppress(ModuleNotFoundError):  # of a package above it
        if find_spec(package) is not None:
            return
    raise click.UsageError(f"{what} needs more packages: pip install '.[{extra}]' in a checkout")


def _can_be_made(file: Path) -> bool:
    folder = file.absolute().parent
    return folder.is_dir() and os.access(folder, os.W_OK)


def _write_whole(path: Path, text: str) -> None:
    """Writes a file that its readers find whole or not at all."""
    part = path.with_name(f"{path.name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        part.unlink()
    part.write_text(text, encoding="utf-8")
    part.replace(path)
