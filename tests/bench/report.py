"""Writes docs/performance.md and its plots."""

import datetime
import platform
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from tests.bench import load
from tests.bench.bench import Bench
from tests.bench.figures import Comparison, Section
from tests.support.project import ROOT

PAGE = ROOT / "docs/performance.md"
PLOTS = ROOT / "docs/performance"
PACKAGES = ("functions-framework", "gunicorn", "Flask", "pydantic", "grpcio", "google-adk")

INTRODUCTION = """\
# Performance

Written by `make bench`, which starts every server on this page itself. Each figure is the median of
{rounds} rounds; in a round everything on one table is measured in turn, and each round begins with
another. A ratio compares two figures of the same round; beside it stand the lowest and the highest.

| What | Which |
| --- | --- |
"""

COMMANDS = """
```sh
make bench                # everything, and this page
make bench ONLY=watch     # the scenarios whose name contains this word; prints their tables
make bench QUICK=1        # one round of everything, to see that it works; prints the tables
make bench DIR=/dev/shm   # databases in another folder than /var/tmp
```

It needs `wrk`, and PostgreSQL and Redis for the rows beside them: `apt-get install wrk postgresql
redis-server`.
"""


def write_report(sections: list[Section], bench: Bench) -> None:
    """The page, and one plot per section that has targets."""
    parts = [INTRODUCTION.format(rounds=bench.rounds)]
    # Before the plots go, without which the commit would not be the one that was measured.
    parts += [f"| {what} | {which} |\n" for what, which in surroundings(bench).items()]
    shutil.rmtree(PLOTS, ignore_errors=True)
    PLOTS.mkdir()
    parts += [COMMANDS, "\n## Targets\n\n", *targets(sections)]
    for section in sections:
        parts.append(as_markdown([section]))
        if any(row.ratio.low < row.ratio.high for row in section.comparisons):
            name = re.sub("[^a-z0-9]+", "-", section.title.lower())
            draw(section, PLOTS / f"{name}.svg")
            parts.append(f"\n![{section.title}: ratios](performance/{name}.svg)\n")
    PAGE.write_text("".join(parts))


def surroundings(bench: Bench) -> dict[str, str]:
    """The machine, the versions and the date."""
    median, largest = load.shares()
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    commit = _output("git", "-C", str(ROOT), "describe", "--always", "--dirty")
    return {
        "Date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC",
        "Code": commit,
        "Machine": f"{_processors()}, {_memory()} of memory",
        "System": f"{platform.system()} {platform.release()}",
        "Databases": bench.disk,
        "Python": f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}",
        "Packages": packages,
        "Load": f"{load.version()}, one thread; it took {median:.0%} of one core in the median "
        f"run and {largest:.0%} in the worst, so that it never was the bottleneck"
        if largest < 0.9
        else f"{load.version()}; it took up to {largest:.0%} of one core: IT WAS A BOTTLENECK",
        "Firestore": "the emulator, whose times are not those of the cloud",
    }


def targets(sections: Iterable[Section]) -> Iterable[str]:
    """The table of everything that has a limit."""
    yield "| What | Beside | Target | Ratio | From – to | Met |\n"
    yield "| --- | --- | --- | --- | --- | --- |\n"
    for section in sections:
        for row in section.comparisons:
            if row.target:
                met = "yes" if row.is_met else "**no**"
                ratio = f"{row.ratio.median:.2f} | {row.ratio.low:.2f} – {row.ratio.high:.2f}"
                yield f"| {row.what} | {row.beside} | {row.target} | {ratio} | {met} |\n"


def as_markdown(sections: Iterable[Section]) -> str:
    """Each section with its table."""
    parts = []
    for section in sections:
        parts.append(f"\n## {section.title}\n\n{section.text}\n")
        if section.comparisons:
            parts.append("| What | Here | Beside | There | Ratio | From – to | Target |\n")
            parts.append("| --- | --- | --- | --- | --- | --- | --- |\n")
        parts += [
            f"| {row.what} | {amount(row.here.median, row.unit)} | {row.beside} "
            f"| {amount(row.there.median, row.unit)} | {row.ratio.median:.2f} "
            f"| {row.ratio.low:.2f} – {row.ratio.high:.2f} | {verdict(row)} |\n"
            for row in section.comparisons
        ]
    return "".join(parts)


def verdict(row: Comparison) -> str:
    """The target and whether it is met."""
    if not row.target:
        return "–"
    return f"{row.target}: {'met' if row.is_met else '**not met**'}"


def amount(value: float, unit: str) -> str:
    """A figure with its unit, three digits or all before the point."""
    digits = 0 if value >= 100 or value == int(value) else 1 if value >= 10 else 2
    return f"{value:,.{digits}f}{'' if unit == '/s' else ' '}{unit}"


def draw(section: Section, path: Path) -> None:
    """Ratios as bars, their spread as whiskers, limits as marks."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "bench", "font.size": 9})
    from matplotlib import pyplot

    rows = section.comparisons[::-1]
    figure, axes = pyplot.subplots(figsize=(8, 0.8 + 0.32 * len(rows)))
    places = range(len(rows))
    ratios = [row.ratio for row in rows]
    medians = [ratio.median for ratio in ratios]
    axes.barh(
        places,
        medians,
        color=["#4c78a8" if row.is_met else "#e45756" for row in rows],
        xerr=[
            [ratio.median - ratio.low for ratio in ratios],
            [ratio.high - ratio.median for ratio in ratios],
        ],
        error_kw={"elinewidth": 0.8, "capsize": 2},
        height=0.6,
    )
    for place, row in zip(places, rows, strict=True):
        limit = row.at_most if row.at_least is None else row.at_least
        if limit is not None:
            axes.plot([limit, limit], [place - 0.4, place + 0.4], color="black", linewidth=2)
    axes.axvline(1, color="gray", linewidth=0.8, linestyle=":")
    axes.set_yticks(places, [f"{row.what} / {row.beside}" for row in rows])
    axes.set_xlabel("ratio; the black mark is the target")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None, "Creator": None})
    pyplot.close(figure)


def _processors() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(models)} × {models[0]}"


def _memory() -> str:
    total = Path("/proc/meminfo").read_text().split()[1]
    return f"{int(total) / 2**20:.0f} GiB"


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
