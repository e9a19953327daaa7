"""The grammar of AIP-160: what a filter's text means."""

import pytest

from functions.aip.filtering.parser import parse_filter
from functions.aip.filtering.syntax import (
    And,
    Comparator,
    Expression,
    Function,
    Member,
    Not,
    Or,
    Restriction,
    Value,
)


def member(*path: str) -> Member:
    return Member(tuple(Value((text,)) for text in path))


def bare(*path: str) -> Restriction:
    return Restriction(member(*path))


def call(name: str, *arguments: Expression) -> Restriction:
    return Restriction(Function(name, arguments))


def compare(left: str, sign: str, *parts: str) -> Restriction:
    argument = Restriction(Member((Value(parts),)))
    return Restriction(member(*left.split(".")), Comparator(sign), argument)


A, B, C, D = map(bare, "abcd")

PARSED: dict[str, Expression | None] = {
    "": None,
    " \n\t": None,
    # The examples of the grammar.
    "prod": bare("prod"),
    "a b AND c AND d": And((And((A, B)), C, D)),
    "(a b) AND c AND d": And((And((A, B)), C, D)),
    "a b c OR d": And((A, B, Or((C, D)))),
    "a AND b OR c": And((A, Or((B, C)))),
    "a < 10 OR a >= 100": Or((compare("a", "<", "10"), compare("a", ">=", "100"))),
    "NOT (a OR b)": Not(Or((A, B))),
    '-file:".java"': Not(compare("file", ":", ".java")),
    "-30": Not(bare("30")),
    "package=com.google": compare("package", "=", "com.google"),
    "msg != 'hello'": compare("msg", "!=", "hello"),
    "1 > 0": compare("1", ">", "0"),
    "2.5 >= 2.4": compare("2.5", ">=", "2.4"),
    "yesterday < request.time": compare("yesterday", "<", "request.time"),
    "experiment.rollout <= cohort(request.user)": Restriction(
        member("experiment", "rollout"),
        Comparator.LESS_EQUALS,
        call("cohort", bare("request.user")),
    ),
    "map:key": compare("map", ":", "key"),
    "expr.type_map.1.type": bare("expr", "type_map", "1", "type"),
    "regex(m.key, '^.+prod.+$')": call("regex", bare("m.key"), bare("^.+prod.+$")),
    "math.mem('30mb')": call("math.mem", bare("30mb")),
    "(msg.endsWith('world') AND retries < 10)": And(
        (call("msg.endsWith", bare("world")), compare("retries", "<", "10"))
    ),
    "now()": call("now"),
    "f(a, g(b), (c OR d))": call("f", A, call("g", B), Or((C, D))),
    # Keywords.
    "a and b or not c": And((A, bare("and"), B, bare("or"), bare("not"), C)),
    "a.AND = 1": compare("a.AND", "=", "1"),
    "NOT(a)": Not(A),
    "a AND(b OR(c))": And((A, Or((B, C)))),
    "ANDY NOTE": And((bare("ANDY"), bare("NOTE"))),
    # Unquoted arguments.
    "a=john.doe@example.com": compare("a", "=", "john.doe@example.com"),
    "a=b-c": compare("a", "=", "b-c"),
    "a=-5": compare("a", "=", "-5"),
    "a = 123.45": compare("a", "=", "123.45"),
    "a=b:c": compare("a", "=", "b:c"),
    "a:b:c": compare("a", ":", "b:c"),
    "a=wow!": compare("a", "=", "wow!"),
    "(a=.5)": compare("a", "=", ".5"),
    "t>=2025-01-31T11:30:00.123Z": compare("t", ">=", "2025-01-31T11:30:00.123Z"),
    "t<2025-01-31T11:30:00+05:30": compare("t", "<", "2025-01-31T11:30:00+05:30"),
    "a=1 -b": And((compare("a", "=", "1"), Not(B))),
    "a=(b.c OR -5)": Restriction(member("a"), Comparator.EQUALS, Or((bare("b.c"), bare("-5")))),
    "a=(b:c (d)) e:f": And(
        (
            Restriction(member("a"), Comparator.EQUALS, And((bare("b:c"), D))),
            compare("e", ":", "f"),
        )
    ),
    # Fields.
    "labels.my-key:*": compare("labels.my-key", ":", "", ""),
    "labels.-k = v": compare("labels.-k", "=", "v"),
    'labels."odd key".b': bare("labels", "odd key", "b"),
    '"a\\\nb"': bare("a\\\nb"),
    # Escapes and wildcards.
    r'a="b\"c\\d"': compare("a", "=", 'b"c\\d'),
    r"a='b\'c\"d'": compare("a", "=", "b'c\"d"),
    'a="it\'s"': compare("a", "=", "it's"),
    r'a="\n\t\r\b\f\/"': compare("a", "=", "\n\t\r\b\f/"),
    r'a="\u00e9\ud83d\ude00"': compare("a", "=", "é😀"),
    r'a="CORP\jim\x"': compare("a", "=", r"CORP\jim\x"),
    r"a=CORP\bob\\": compare("a", "=", r"CORP\bob\\"),
    'a="line\nbreak"': compare("a", "=", "line\nbreak"),
    'a=""': compare("a", "=", ""),
    'a="b*c*"': compare("a", "=", "b", "c", ""),
    "a=b*c": compare("a", "=", "b", "c"),
    r'a="b\*c*"': compare("a", "=", "b*c", ""),
    r"a=b\*c*": compare("a", "=", "b*c", ""),
    r'a="b\\*"': compare("a", "=", "b\\", ""),
    r"a=b\\*": compare("a", "=", r"b\*"),
}


@pytest.mark.parametrize("text", PARSED)
def test_a_filter_means(text: str) -> None:
    assert parse_filter(text) == PARSED[text]
