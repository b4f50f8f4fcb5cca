"""The expression language of DESIGN 5, as plainly as possible.

A parsed expression is a tree of tuples:

    ("number", ten_thousandths)      ("duration", seconds)      ("metric", Metric)
    ("negate", x)                    ("not", x)
    (op, left, right)                op one of * / + - > >= < <= == != and or

Values are Python ints (numbers in ten-thousandths, durations in seconds, instants in seconds, with
-inf and +inf for `last` and `first` of nothing), True and False, and None for undefined. The model
trusts that a rule file is right: what is wrong with one is the business of `quintil check`.
"""

import operator
import re
from collections import namedtuple

ONE = 10_000
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}

# function: "spend", "count", ...; subject: "order", "any", a kind, a segment, or None;
# window: seconds or None; text: canonical, as the evidence shows it.
Metric = namedtuple("Metric", "function subject window text")

TOKEN = re.compile(
    r"\s*(?:(?P<duration>\d+[smhdw](?![A-Za-z0-9_]))"
    r"|(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_-]*)"
    r"|(?P<sign>>=|<=|==|!=|[-+*/<>(),]))"
)
SEGMENT_NAME = re.compile(r"\s*(?P<name>[A-Za-z0-9_-]+)")
COMPARISONS = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}


def parse_duration(text):
    """`14d` -> 1209600."""
    return int(text[:-1]) * UNITS[text[-1]]


def duration_text(seconds):
    """Canonical: the largest of d, h, m, s that divides exactly; never w."""
    for unit in "dhm":
        if seconds % UNITS[unit] == 0:
            return f"{seconds // UNITS[unit]}{unit}"
    return f"{seconds}s"


def parse_number(text):
    """`12.5` -> 125000; rule files have at most four decimals."""
    whole, _, fraction = text.partition(".")
    assert len(fraction) <= 4, text
    return int(whole) * ONE + int(fraction.ljust(4, "0"))


def tokens_of(text):
    """The tokens as (type, text). What stands in in(...) and dwell(...) is a name, digits or not."""
    tokens = []
    text = text.rstrip()
    position = 0
    while position < len(text):
        names_segment = tokens[-2:] in ([("name", "in"), ("sign", "(")], [("name", "dwell"), ("sign", "(")])
        match = (SEGMENT_NAME if names_segment else TOKEN).match(text, position)
        if not match:
            raise ValueError(f"cannot read {text[position:]!r} in {text!r}")
        tokens.append((match.lastgroup, match.group(match.lastgroup)))
        position = match.end()
    return tokens


class Parser:
    """One method a level of precedence, from the loosest to the tightest."""

    def __init__(self, text):
        self.tokens = tokens_of(text)
        self.place = 0

    def peek(self):
        return self.tokens[self.place][1] if self.place < len(self.tokens) else None

    def take(self, wanted=None):
        token = self.tokens[self.place]
        if wanted is not None and token[1] != wanted:
            raise ValueError(f"expected {wanted!r}, found {token[1]!r}")
        self.place += 1
        return token

    def whole(self):
        tree = self.either()
        if self.peek() is not None:
            raise ValueError(f"did not expect {self.peek()!r}")
        return tree

    def left_to_right(self, operators, operand):
        tree = operand()
        while self.peek() in operators:
            tree = (self.take()[1], tree, operand())
        return tree

    def either(self):
        return self.left_to_right(("or",), self.both)

    def both(self):
        return self.left_to_right(("and",), self.negation)

    def negation(self):
        if self.peek() == "not":
            self.take()
            return ("not", self.negation())
        return self.comparison()

    def comparison(self):
        tree = self.sum()
        if self.peek() in COMPARISONS:
            tree = (self.take()[1], tree, self.sum())
        return tree

    def sum(self):
        return self.left_to_right(("+", "-"), self.product)

    def product(self):
        return self.left_to_right(("*", "/"), self.unary)

    def unary(self):
        if self.peek() == "-":
            self.take()
            return ("negate", self.unary())
        return self.primary()

    def primary(self):
        kind, text = self.take()
        if text == "(":
            tree = self.either()
            self.take(")")
            return tree
        if kind == "duration":
            return ("duration", parse_duration(text))
        if kind == "number":
            return ("number", parse_number(text))
        if kind != "name":
            raise ValueError(f"did not expect {text!r}")
        return ("metric", self.metric(text))

    def metric(self, function):
        subject = window = None
        self.take("(")
        while self.peek() != ")":
            kind, text = self.take()
            if kind == "duration":
                window = parse_duration(text)
            else:
                subject = text
            if self.peek() == ",":
                self.take()
        self.take(")")
        arguments = [subject] if subject is not None else []
        arguments += [duration_text(window)] if window is not None else []
        return Metric(function, subject, window, f"{function}({','.join(arguments)})")


def parse(text):
    return Parser(text).whole()


def walk(tree):
    """Every node, in the order of the text."""
    if tree[0] not in ("number", "duration", "metric"):
        yield from walk(tree[1])
    yield tree
    if len(tree) == 3:
        yield from walk(tree[2])


def in_int64(value):
    return value if INT64_MIN <= value <= INT64_MAX else None


def cut_toward_zero(numerator, denominator):
    quotient = abs(numerator) // abs(denominator)
    return quotient if (numerator < 0) == (denominator < 0) else -quotient


def arithmetic(sign, left, right):
    if left is None or right is None:
        return None
    if sign == "+":
        return in_int64(left + right)
    if sign == "-":
        return in_int64(left - right)
    if sign == "*":
        return in_int64(cut_toward_zero(left * right, ONE))
    return in_int64(cut_toward_zero(left * ONE, right)) if right != 0 else None


def compare(comparison, left, right):
    """With an undefined term it is false, `!=` too."""
    return left is not None and right is not None and comparison(left, right)


def compiled(tree):
    """The tree as a function: called with measure, where measure(metric) is a metric's value, it gives
    the expression's."""
    kind = tree[0]
    if kind == "metric":
        return lambda measure: measure(tree[1])
    if kind in ("number", "duration"):
        return lambda measure: tree[1]
    left = compiled(tree[1])
    if kind == "not":
        return lambda measure: not left(measure)
    if kind == "negate":
        return lambda measure: arithmetic("-", 0, left(measure))
    right = compiled(tree[2])
    if kind == "and":
        return lambda measure: left(measure) and right(measure)
    if kind == "or":
        return lambda measure: left(measure) or right(measure)
    if kind in COMPARISONS:
        return lambda measure: compare(COMPARISONS[kind], left(measure), right(measure))
    return lambda measure: arithmetic(kind, left(measure), right(measure))
