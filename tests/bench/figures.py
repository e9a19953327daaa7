"""Figures: what rounds measured, and how two of them compare."""

import statistics
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

Measure = Callable[[], float]
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Figure:
    """One value per round, all in the same unit."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        return min(self.values)

    @property
    def high(self) -> float:
        return max(self.values)

    def plus(self, other: "Figure", times: float = 1) -> "Figure":
        """This and so many times the other, round by round."""
        pairs = zip(self.values, other.values, strict=True)
        return Figure(tuple(mine + times * theirs for mine, theirs in pairs))

    def over(self, other: "Figure") -> "Figure":
        """The ratios of the rounds; what slows a whole round down cancels out."""
        pairs = zip(self.values, other.values, strict=True)
        return Figure(tuple(_ratio(mine, theirs) for mine, theirs in pairs))


@dataclass(frozen=True)
class Comparison:
    """What is measured here, beside something named; `limit` is of the ratio's median."""

    what: str
    here: Figure
    beside: str
    there: Figure
    unit: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def ratio(self) -> Figure:
        return self.here.over(self.there)

    @property
    def target(self) -> str:
        """The limit in words, "" without one."""
        if self.at_least is not None:
            return f"at least {self.at_least:.2f}"
        return "" if self.at_most is None else f"at most {self.at_most:.2f}"

    @property
    def is_met(self) -> bool:
        is_enough = self.at_least is None or self.ratio.median >= self.at_least
        return is_enough and (self.at_most is None or self.ratio.median <= self.at_most)


@dataclass(frozen=True)
class Section:
    """One part of the report: Markdown above, then the comparisons as a table and a plot."""

    title: str
    text: str
    comparisons: list[Comparison]


def constant(value: float, rounds: int) -> Figure:
    """What no round changes."""
    return Figure((value,) * rounds)


def interleaved(measures: Mapping[Key, Measure], rounds: int) -> dict[Key, Figure]:
    """Every measure once a round, after one round that warms up and does not count.

    Each round begins with another measure, so that none always follows the same one.
    """
    names = list(measures)
    values: dict[Key, list[float]] = {name: [] for name in names}
    for number in range(rounds + 1):
        start = number % len(names)
        for name in names[start:] + names[:start]:
            value = measures[name]()
            if number:
                values[name].append(value)
    return {name: Figure(tuple(found)) for name, found in values.items()}


def median_time(call: Callable[..., object], seconds: float, *makers: Callable[[], Any]) -> float:
    """The median time of a call, in milliseconds; what it is given is made beforehand."""
    times = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        given = [make() for make in makers]
        start = time.perf_counter()
        call(*given)
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def _ratio(mine: float, theirs: float) -> float:
    if theirs == 0:
        return 0.0 if mine == 0 else float("inf")
    return mine / theirs
