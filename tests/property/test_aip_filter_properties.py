"""Filters made from a tree, against a naive model of what they mean."""

import json
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from functions.aip.filtering import FieldType, compile_filter
from functions.aip.filtering.parser import parse_filter
from functions.aip.filtering.syntax import And, Comparator, Member, Not, Or, Restriction, Value
from functions.aip.timestamp import format_timestamp, parse_timestamp

FIELDS = {
    "user_id": FieldType.STRING,
    "time": FieldType.TIMESTAMP,
    "labels": FieldType.STRING_MAP,
    "authors": FieldType.STRING_LIST,
}

# A small alphabet lets filters match records now and then.
texts = st.text("ab*\\\"'é ", max_size=4)
plain_texts = st.text("ab", max_size=3)
keys = st.sampled_from(["k", "odd key", "a*b"])
values = st.one_of(
    plain_texts.map(lambda text: Value((text,))),
    st.lists(texts, min_size=1, max_size=3).map(lambda parts: Value(tuple(parts))),
)
signs = st.sampled_from(Comparator)


def named(*path: str) -> Member:
    return Member(tuple(Value((text,)) for text in path))


def restriction(member: Member, sign: Comparator, value: Value) -> Restriction:
    return Restriction(member, sign, Restriction(Member((value,))))


restrictions = st.one_of(
    st.builds(restriction, st.just(named("user_id")), signs, values),
    st.builds(restriction, keys.map(lambda key: named("labels", key)), signs, values),
    st.builds(restriction, st.just(named("labels")), st.just(Comparator.HAS), values),
    st.builds(restriction, st.just(named("authors")), st.just(Comparator.HAS), values),
    st.builds(
        restriction,
        st.just(named("time")),
        signs.filter(lambda sign: sign is not Comparator.HAS),
        st.integers(-2, 2).map(lambda ns: Value((format_timestamp(ns),))),
    ),
)
trees: st.SearchStrategy[Any] = st.recursive(
    restrictions,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda operands: And(tuple(operands))),
        st.lists(inner, min_size=2, max_size=3).map(lambda operands: Or(tuple(operands))),
        inner.map(Not),
    ),
    max_leaves=8,
)
records = st.fixed_dictionaries(
    {
        "user_id": st.one_of(st.none(), texts, plain_texts),
        "time": st.one_of(st.none(), st.integers(-3, 3)),
        "labels": st.dictionaries(keys, st.one_of(texts, plain_texts)),
        "authors": st.lists(st.one_of(texts, plain_texts), max_size=2),
    }
)


def printed(tree: Any) -> str:
    match tree:
        case And(operands):
            return "(" + " AND ".join(map(printed, operands)) + ")"
        case Or(operands):
            return "(" + " OR ".join(map(printed, operands)) + ")"
        case Not(operand):
            return f"-({printed(operand)})"
        case Restriction(Member(path), sign, argument):
            first, *rest = path
            dotted = "".join(f".{quoted(value)}" for value in rest)
            return f"{first.text}{dotted} {sign} {quoted(argument.comparable.path[0])}"


def quoted(value: Value) -> str:
    return '"' + "*".join(json.dumps(part)[1:-1].replace("*", r"\*") for part in value.parts) + '"'


def expected(tree: Any, record: dict[str, Any]) -> bool:
    match tree:
        case And(operands):
            return all(expected(operand, record) for operand in operands)
        case Or(operands):
            return any(expected(operand, record) for operand in operands)
        case Not(operand):
            return not expected(operand, record)
        case Restriction(Member(path), Comparator.NOT_EQUALS, argument):
            return not expected(Restriction(Member(path), Comparator.EQUALS, argument), record)
        case Restriction(Member(path), sign, argument):
            key = path[1].text if len(path) > 1 else None
            return expected_of(path[0].text, key, sign, argument.comparable.path[0], record)


def expected_of(
    name: str, key: str | None, sign: Comparator, literal: Value, record: dict[str, Any]
) -> bool:
    pattern = ".*".join(map(re.escape, literal.parts))
    lone_star = set(literal.parts) == {""} and len(literal.parts) > 1
    if name == "authors" or (name == "labels" and key is None):
        return any(re.fullmatch(pattern, item, re.DOTALL) for item in record[name])
    found = record["labels"].get(key) if key else record[name]
    if name == "user_id":
        found = found or ""
    if found is None:
        return False
    if sign is Comparator.HAS:
        matched = re.search(pattern, found, re.DOTALL) is not None
        return matched if not lone_star else found != "" or name == "labels"
    if name != "time" and sign is Comparator.EQUALS:
        return re.fullmatch(pattern, found, re.DOTALL) is not None
    bound = parse_timestamp(literal.text) if name == "time" else literal.text
    holds = {"<": found < bound, "<=": found <= bound, ">": found > bound, ">=": found >= bound}
    return holds.get(sign, found == bound)


@given(trees)
def test_a_printed_filter_parses_to_its_tree(tree: Any) -> None:
    assert parse_filter(printed(tree)) == tree


@given(trees, records)
def test_a_filter_agrees_with_a_naive_model(tree: Any, record: dict[str, Any]) -> None:
    assert compile_filter(printed(tree), FIELDS).matches(record.get) == expected(tree, record)


@given(trees, records)
def test_every_match_has_the_equalities_and_lies_within_the_bounds(
    tree: Any, record: dict[str, Any]
) -> None:
    compiled = compile_filter(printed(tree), FIELDS)
    if not compiled.matches(record.get):
        return
    for field, key, text in compiled.equalities():
        assert (record[field] if key is None else record[field][key]) == text
    first, last = compiled.bounds("time")
    if first is not None:
        assert record["time"] >= first
    if last is not None:
        assert record["time"] <= last
