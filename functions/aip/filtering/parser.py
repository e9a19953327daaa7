"""A recursive-descent parser of AIP-160's grammar; see google.aip.dev/160."""

import re

from functions.aip.filtering.fields import FilterError
from functions.aip.filtering.lexer import KEYWORDS, Kind, Token, tokenize, unescape
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

_VALUES = (Kind.TEXT, Kind.STRING)
_FACTOR_STARTS = (*_VALUES, Kind.NOT, Kind.MINUS, Kind.LPAREN)
_SURROGATE = re.compile("[\ud800-\udfff]")


def parse_filter(text: str) -> Expression | None:
    """Parses an AIP-160 filter; see google.aip.dev/160. A blank filter is None.

    The parser is looser than the grammar in two points. Texts need whitespace between them only if
    they would otherwise be one text. A keyword is never the name of a function, so `NOT(a=b)`
    negates. Raises FilterError.
    """
    parser = _Parser(text)
    if parser.accept(Kind.END):
        return None
    expression = parser.expression()
    parser.expect("AND, OR or the end", Kind.END)
    return expression


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokenize(text)
        self.index = 0

    # filter : [expression]
    # expression : sequence {AND sequence}
    def expression(self) -> Expression:
        sequences = [self.sequence()]
        while self.accept(Kind.AND):
            sequences.append(self.sequence())
        return sequences[0] if len(sequences) == 1 else And(tuple(sequences))

    # sequence : factor {WS factor}
    def sequence(self) -> Expression:
        factors = [self.factor()]
        while self.next.kind in _FACTOR_STARTS:
            factors.append(self.factor())
        return factors[0] if len(factors) == 1 else And(tuple(factors))

    # factor : term {OR term}
    def factor(self) -> Expression:
        terms = [self.term()]
        while self.accept(Kind.OR):
            terms.append(self.term())
        return terms[0] if len(terms) == 1 else Or(tuple(terms))

    # term : [NOT | MINUS] simple
    def term(self) -> Expression:
        return Not(self.simple()) if self.accept(Kind.NOT, Kind.MINUS) else self.simple()

    # simple : restriction | composite
    def simple(self) -> Expression:
        return self.composite() if self.accept(Kind.LPAREN) else self.restriction()

    # restriction : comparable [comparator arg]
    def restriction(self) -> Restriction:
        comparable = self.comparable('a field or "("')
        if comparator := self.accept(Kind.COMPARATOR):
            return Restriction(comparable, Comparator(comparator.text), self.argument())
        return Restriction(comparable)

    # arg : comparable | composite
    def argument(self) -> Expression:
        if self.accept(Kind.LPAREN):
            return self.composite()
        return Restriction(self.comparable("a value"))

    # composite : LPAREN expression RPAREN
    def composite(self) -> Expression:
        expression = self.expression()
        self.expect('")"', Kind.RPAREN)
        return expression

    # comparable : member | function
    # member : value {DOT field}
    # field : value | keyword
    def comparable(self, wanted: str) -> Member | Function:
        start = self.index
        path = [self.expect(wanted, *_VALUES)]
        while self.accept(Kind.DOT):
            path.append(self.expect("a name", *_VALUES, *KEYWORDS))
        if self.accept(Kind.CALL):
            return self.function(start)
        return Member(tuple(map(self.value, path)))

    # function : name {DOT name} LPAREN [argList] RPAREN
    # argList : arg {COMMA arg}
    def function(self, start: int) -> Function:
        name = "".join(token.text for token in self.tokens[start : self.index - 1])
        arguments: list[Expression] = []
        if not self.accept(Kind.RPAREN):
            arguments.append(self.argument())
            while self.accept(Kind.COMMA):
                arguments.append(self.argument())
            self.expect('"," or ")"', Kind.RPAREN)
        return Function(name, tuple(arguments), self.tokens[start].position)

    # value : TEXT | STRING
    def value(self, token: Token) -> Value:
        parts = unescape(token)
        if any(map(_SURROGATE.search, parts)):
            raise FilterError(self.text, token.position, "half a surrogate pair is not text")
        return Value(parts, token.position)

    @property
    def next(self) -> Token:
        return self.tokens[self.index]

    def accept(self, *kinds: Kind) -> Token | None:
        token = self.next
        if token.kind not in kinds:
            return None
        self.index += 1
        return token

    def expect(self, wanted: str, *kinds: Kind) -> Token:
        if token := self.accept(*kinds):
            return token
        after = f' after "{self.tokens[self.index - 1].text:.32}"' if self.index else ""
        instead = f', not "{self.next.text:.32}"' if self.next.text else ""
        raise FilterError(self.text, self.next.position, f"expected {wanted}{after}{instead}")
