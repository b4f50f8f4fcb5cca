"""Reads C source as far as the checks of tidy need it: tokens, includes, functions.

No C parser: it knows comments, strings, preprocessor lines, brackets and the layout of this
project, which is enough to find functions, their parameters and how deep they nest.
"""
import dataclasses
import re

TOKEN = re.compile(r"""
      (?P<comment>/\*.*?\*/|//[^\n]*)
    | (?P<directive>^[ \t]*\#(?:\\\n|/\*.*?\*/|[^\n])*)
    | (?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<number>\.?[0-9][A-Za-z0-9_.]*)
    | (?P<other>->|\S)
""", re.VERBOSE | re.DOTALL | re.MULTILINE)

INCLUDE = re.compile(r'#\s*include\s+([<"])([^>"]+)[>"]')

# A bracket after one of these opens no block of its own: it ends an expression.
NO_BLOCK_BEFORE = {"sizeof", "return", "_Alignof"}


@dataclasses.dataclass
class Token:
    kind: str
    text: str
    line: int


@dataclasses.dataclass
class Function:
    name: str
    line: int
    last_line: int
    parameters: int
    nesting: int
    static: bool
    body: list  # tokens between the outer braces


class Source:
    """One file: `tokens` without comments and directives, which stand in lists of their own.

    `tree` holds the paths of all the C files, its own included.
    """

    def __init__(self, path, text, tree=frozenset()):
        self.path = path
        self.tree = tree
        self.text = text
        self.lines = text.count("\n") + (not text.endswith("\n") and text != "")
        self.tokens, self.comments, self.directives = [], [], []
        line, at = 1, 0
        for match in TOKEN.finditer(text):
            line += text.count("\n", at, match.start())
            at = match.start()
            token = Token(match.lastgroup, match.group(), line)
            {"comment": self.comments, "directive": self.directives}.get(
                token.kind, self.tokens).append(token)

    def includes(self):
        """(line, True for <...>, name) of every #include."""
        for token in self.directives:
            match = INCLUDE.match(token.text.lstrip())
            if match:
                yield token.line, match.group(1) == "<", match.group(2)

    def functions(self):
        """Every function that the file defines."""
        tokens, found, start, i = self.tokens, [], 0, 0
        while i < len(tokens):
            text = tokens[i].text
            if text == ";":
                start = i + 1
            elif text == "{":
                end = closing(tokens, i)
                function = _function(tokens, start, i, end)
                if function is not None:
                    found.append(function)
                    start = end + 1
                i = end  # past a body, or past a struct or initialiser whose declaration goes on
            i += 1
        return found


def closing(tokens, opening):
    """Place of the bracket that closes the one at `opening`."""
    pairs = {"(": ")", "{": "}", "[": "]"}
    opens, closes, depth = tokens[opening].text, pairs[tokens[opening].text], 0
    for i in range(opening, len(tokens)):
        if tokens[i].text == opens:
            depth += 1
        elif tokens[i].text == closes:
            depth -= 1
            if depth == 0:
                return i
    return len(tokens) - 1


def opening(tokens, closes):
    """Place of the `(` that the `)` at `closes` closes."""
    depth = 0
    for i in range(closes, -1, -1):
        if tokens[i].text == ")":
            depth += 1
        elif tokens[i].text == "(":
            depth -= 1
            if depth == 0:
                return i
    return 0


def _function(tokens, start, brace, end):
    """The function whose body is tokens[brace..end], or None where those braces are no body."""
    head = tokens[start:brace]
    if not head or head[-1].text != ")" or any(token.text == "=" for token in head):
        return None
    place = 0
    while place < len(head):  # the first bracket after a name that is no attribute
        if head[place].text == "(" and place > 0 and head[place - 1].kind == "name":
            if head[place - 1].text != "__attribute__":
                break
            place = closing(head, place)
        place += 1
    if place >= len(head):
        return None
    last = closing(head, place)
    return Function(
        name=head[place - 1].text, line=head[0].line, last_line=tokens[end].line,
        parameters=_parameters(head[place + 1:last]), nesting=_nesting(tokens[brace:end + 1]),
        static=any(token.text == "static" for token in head[:place]),
        body=tokens[brace + 1:end])


def _parameters(tokens):
    if not tokens or [token.text for token in tokens] == ["void"]:
        return 0
    depth, count = 0, 1
    for token in tokens:
        depth += (token.text in "([{") - (token.text in ")]}")
        count += token.text == "," and depth == 0
    return count


def _nesting(tokens):
    """How many blocks of if, for, while, switch, do and else stand in one another."""
    stack, deepest = [], 0
    for i, token in enumerate(tokens):
        if token.text == "{":
            stack.append(i > 0 and _opens_block(tokens, i))
            deepest = max(deepest, sum(stack))
        elif token.text == "}":
            stack.pop()
    return deepest


def _opens_block(tokens, brace):
    before = tokens[brace - 1]
    if before.text in ("else", "do"):
        return True
    if before.text != ")":
        return False
    name = tokens[opening(tokens, brace - 1) - 1]
    return name.kind == "name" and name.text not in NO_BLOCK_BEFORE
