"""What every scenario is given: where to keep files, how long to measure, one emulator."""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

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
    """A run of five rounds, or a quick one that only shows that everything works."""
    with ExitStack() as stack:
        yield Bench(directory, 2 if is_quick else 5, 1, stack, is_quick)
