"""Inputs that get far into a parser: its grammar's own words in any order, and valid ones changed.

`TORTURE_STEPS` is how many of them each test takes; given one, they are other ones each time, by
`--hypothesis-seed`.
"""

import json
import os
import re
from functools import cache
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.fuzz.seeds import SEEDS

_STEPS = os.environ.get("TORTURE_STEPS", "")

_ODD = ["\0", "\x7f", "\x85", "\xa0", "\u2028", "é", "İ", "ß", "\ufeff", "\ufffd", "\U0001f600"]
_ODD += ["٣", "９", "²", "\r\n", "%00", "%FF", "..", "//", "__x__", "-", "~", "\\", "\\ud83d"]
_ODD += ["0", "-1", "1" * 20, "1e400", "9" * 400, "a" * 1025, "(" * 60, "[" * 220, "null", "NaN"]

_STRINGS = ["", "user", "OUTCOME_FAILED", "PYTHON", *SEEDS["timestamp"], *SEEDS["duration"], *_ODD]

json_values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=5),
        st.sampled_from([word for seeds in SEEDS.values() for word in seeds]),
        st.sampled_from(["", "AA==", "__4A", 2**31, 2**63, 2**64, -(2**200), 1e300, 0.5, "1e1"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text(max_size=3), inner, max_size=3),
        st.fixed_dictionaries({"seconds": inner}, optional={"nanos": inner}),
    ),
    max_leaves=6,
)


def bounded(examples: int) -> settings:
    """So many examples, the same each time, unless the environment asks for more."""
    return settings(
        max_examples=int(_STEPS) if _STEPS else examples,
        derandomize=not _STEPS,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


@cache
def texts(name: str) -> st.SearchStrategy[str]:
    """Inputs of a parser, as text."""
    words = sorted({word for seed in SEEDS[name] for word in re.findall(r"\w+|\s+|\W", seed)})
    pieces = st.one_of(st.sampled_from(words), st.sampled_from(_ODD), st.characters(codec="utf-8"))
    kinds = [
        st.lists(st.sampled_from(words), max_size=30).map("".join),
        st.lists(pieces, max_size=8).map("".join),
        changed(st.sampled_from(SEEDS[name]), pieces),
    ]
    if name == "filter":
        kinds.append(_filters)
    if name in ("json", "messages"):
        kinds.append(json_values.map(json.dumps))
        kinds += [bodies(SEEDS[name]) for _ in range(6)]  # more often, since they get furthest
    return st.one_of(kinds)


@st.composite
def changed(draw: st.DrawFn, valid: st.SearchStrategy[str], pieces: st.SearchStrategy[str]) -> str:
    """A valid text with a few places cut out, written over, put in or repeated."""
    text = draw(valid)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(start + 20, len(text))))
        kept = draw(st.sampled_from([0, 0, 1, 2, 30]))
        text = text[:start] + text[start:end] * kept + draw(pieces) + text[end:]
    return text


@st.composite
def bodies(draw: st.DrawFn, seeds: list[str]) -> str:
    """A valid body with a few values, wherever they are, taken for others, or left out."""
    value = json.loads(draw(st.sampled_from([seed for seed in seeds if _is_json(seed)])))
    for _ in range(draw(st.integers(0, 3))):
        value = _with_another_value(draw, value)
    return json.dumps(value, ensure_ascii=draw(st.booleans()))


def _with_another_value(draw: st.DrawFn, value: Any) -> Any:
    is_here = not value or not isinstance(value, dict | list) or draw(st.integers(0, 9)) == 0
    if is_here:
        return draw(st.one_of(_like(value), _like(value), json_values))
    place = draw(st.sampled_from(list(value) if isinstance(value, dict) else range(len(value))))
    if draw(st.integers(0, 9)) == 0:
        del value[place]
    else:
        value[place] = _with_another_value(draw, value[place])
    return value


def _like(value: Any) -> st.SearchStrategy[Any]:
    """Other values of the same type."""
    if isinstance(value, str):
        return st.one_of(st.text(max_size=5), st.sampled_from(_STRINGS))
    if isinstance(value, bool):
        return st.booleans()
    if isinstance(value, dict):
        return st.dictionaries(st.sampled_from(["a", "app:k", "user:k", ""]), json_values)
    return st.integers(-2, 2) if isinstance(value, int | float) else st.none()


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


_FIELDS = ["user_id", "userId", "display_name", "labels.k", 'labels."a.b"', "labels", "create_time"]
_FIELDS += ["update_time", "expire_time", "timestamp", "author", "invocation_id", "branch"]
_FIELDS += ["event_type", "start_time", "end_time", "state", '"user_id"', "nonsense", "a.b.c"]
_fields = st.sampled_from(_FIELDS)
_operands = st.one_of(
    st.sampled_from(["u", "a*b", "*", r"\*", '""', '"a b"', "'x'", "ERROR", "TOOL_*", "ACTIVE"]),
    st.sampled_from(SEEDS["timestamp"]).map(lambda text: f'"{text}"'),
    st.text(max_size=4).map(lambda text: json.dumps(text, ensure_ascii=False)),
    st.text(max_size=2).map(json.dumps),
)
_signs = st.sampled_from(["=", "!=", "<", "<=", ">", ">=", ":", " = ", " : "])
_restrictions = st.builds("{}{}{}".format, _fields, _signs, _operands)
_filters: st.SearchStrategy[str] = st.recursive(
    _restrictions,
    lambda inner: st.one_of(
        st.builds("{} AND {}".format, inner, inner),
        st.builds("{} OR {}".format, inner, inner),
        st.builds("{} {}".format, inner, inner),
        st.builds("({})".format, inner),
        st.builds("NOT {}".format, inner),
        st.builds("-({})".format, inner),
        st.builds("{}{}({})".format, _fields, _signs, inner),
        st.builds("{}{}({} OR {})".format, _fields, _signs, _operands, _operands),
    ),
    max_leaves=8,
)
