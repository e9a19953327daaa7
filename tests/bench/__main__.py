"""`make bench`: this project beside what one would pick instead, and beside the floor under it."""

import argparse
import contextlib
import importlib
import io
import os
import shutil
import tempfile
from pathlib import Path

from tests.bench.bench import new_bench
from tests.bench.disks import DISK
from tests.bench.report import as_markdown, write_report

SCENARIOS = (
    "http_sqlite",
    "clients",
    "http_firestore",
    "budget",
    "bulk",
    "removal",
    "large",
    "startup",
    "watch",
    "many_sessions",
    "many_events",
)
"""In the order of the report; what fills the emulator comes last."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", default="", help="scenarios whose name contains this")
    parser.add_argument("--quick", action="store_true", help="one round of everything")
    parser.add_argument("--dir", default=DISK, help=f"where databases go; default: {DISK}")
    arguments = parser.parse_args()
    names = [name for name in SCENARIOS if arguments.only in name]
    if not names:
        parser.error(f"no scenario is named {arguments.only}; there are {', '.join(SCENARIOS)}")
    if shutil.which("wrk") is None:
        raise SystemExit("no wrk: install it with `apt-get install wrk`")
    is_whole = not arguments.only and not arguments.quick
    for variable in ("FIRESTORE_EMULATOR_HOST", "WORKERS", "THREADS"):
        os.environ.pop(variable, None)
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=arguments.dir) as directory,
        new_bench(Path(directory), is_quick=arguments.quick) as bench,
    ):
        bench.say(f"databases are {bench.disk}")
        sections = []
        for name in names:
            bench.say(name)
            scenario = importlib.import_module(f"tests.bench.scenarios.{name}")
            # Servers' own output, which is shown where they fail.
            with contextlib.redirect_stdout(io.StringIO()):
                sections.append(scenario.run(bench))
        bench.say("done")
        if is_whole:
            write_report(sections, bench)
        else:
            print(as_markdown(sections))


if __name__ == "__main__":
    main()
