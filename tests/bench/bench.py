"""What every scenario is given: where to keep files, how long to measure, one emulator."""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.disks import MEMORY, file_system, sync_rate
from tests.support.emulator import EmulatorMissing, firestore_emulator


@dataclass
class Bench:
    """One run; `seconds` is how long one load lasts, `rounds` how often each is repeated."""

    directory: Path
    rounds: int
    seconds: float
    stack: ExitStack
    is_quick: bool = False
    started: float = field(default_factory=time.monotonic)

    @cached_property
    def emulator(self) -> str:
        """`host:port` of the Firestore emulator, started at its first use."""
        self.say("starting the Firestore emulator")
        try:
            return self.stack.enter_context(firestore_emulator())
        except EmulatorMissing as error:
            raise SystemExit(str(error)) from None

    @cached_property
    def disk(self) -> str:
        """What databases lie on, and how fast that is."""
        kind, rate = file_system(self.directory), sync_rate(self.directory, 2)
        return f"on {kind}, which takes {rate:,.0f} synced writes of 4 KiB a second"

    @cached_property
    def memory(self) -> Path | None:
        """A folder in memory; None where there is none, or where everything is in memory."""
        if not MEMORY.is_dir() or file_system(self.directory) == file_system(MEMORY):
            return None
        return Path(self.stack.enter_context(TemporaryDirectory(prefix="bench-", dir=MEMORY)))

    def folder(self, name: str) -> Path:
        """A new folder of one scenario."""
        folder = self.directory / name
        folder.mkdir()
        return folder

    def say(self, text: str) -> None:
        """One line of progress."""
        print(f"{time.monotonic() - self.started:6.0f} s  {text}", file=sys.stderr, flush=True)


@contextmanager
def new_bench(directory: Path, *, is_quick: bool) -> Iterator[Bench]:
    """A run of five rounds, or a quick one of a single round, which shows that everything works."""
    # The account of a database server gets to its folder, and sees nothing of those around it.
    directory.chmod(0o711)
    with ExitStack() as stack:
        yield Bench(directory, 1 if is_quick else 5, 1, stack, is_quick)
