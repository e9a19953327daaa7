"""`make fuzz`: every parser under a fuzzer that looks for new ways through its code.

See github.com/google/atheris. Inputs that led somewhere new stay in a directory, so that the next
run goes on where this one stopped; one that fails is kept there, too.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

from tests.fuzz.parsers import PARSERS
from tests.fuzz.seeds import SEEDS

_WORD = re.compile(r"[\w.]+|[^\w\s]+", re.ASCII)
_MOST_BYTES = 10_000
_MOST_SECONDS = 5
"""That one input may take."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5, help="for all parsers together")
    parser.add_argument(
        "--dir", type=Path, default=Path(".data/fuzz"), help="where inputs are kept"
    )
    parser.add_argument("--only", choices=PARSERS, action="append")
    arguments = parser.parse_args()
    names = arguments.only or list(PARSERS)
    seconds = max(int(arguments.minutes * 60 / len(names)), 1)
    failed = [name for name in names if _run(name, arguments.dir / name, seconds)]
    print(f"findings in: {', '.join(failed)}" if failed else "no findings")
    return bool(failed)


def _run(name: str, inputs: Path, seconds: int) -> int:
    """Fuzzes one parser in a process of its own, since the fuzzer never returns."""
    inputs.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[name]):
        (inputs / f"seed-{number}").write_text(seed)
    words = sorted(set(_WORD.findall(" ".join(SEEDS[name]))))
    dictionary = inputs.parent / f"{name}.dict"
    dictionary.write_text("".join(f'"{_escaped(word)}"\n' for word in words))
    print(f"{name}: {seconds} seconds", flush=True)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={_MOST_BYTES}",
        f"-timeout={_MOST_SECONDS}",
        f"-dict={dictionary}",
        f"-artifact_prefix={inputs.parent / name}-",
        "-verbosity=0",
        "-print_final_stats=1",
    ]
    command = [sys.executable, "-m", "tests.fuzz.target", name, str(inputs), *options]
    log = inputs.parent / f"{name}.log"
    with log.open("wb") as told:
        code = subprocess.run(command, check=False, stdout=told, stderr=told).returncode
    lines = log.read_text(errors="replace").splitlines()
    print(*(lines[-40:] if code else (line for line in lines if "executed" in line)), sep="\n")
    return code


def _escaped(word: str) -> str:
    return "".join(f"\\x{byte:02X}" for byte in word.encode())


if __name__ == "__main__":
    sys.exit(main())
