"""Tokens as an expression of sympy. All of them must be understood: what is not known raises Unreadable.

The parsers at hand (latex2sympy2, sympy's) leave out what they do not know, and then a wrong answer counts as right.
"""

import sympy as sp

from scripts.common.judging.functions import (
    FUNCTIONS,
    IN_DEGREES,
    INVERSE,
    Unreadable,
    finite,
    log_to,
    number,
    power,
)
from scripts.common.judging.tokens import Token, Tokens

DEEPEST = 60
"""Brackets within brackets."""

_GREEK = """
alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi chi psi omega Gamma
Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega hbar ell nabla partial mho odot oplus Re Im
"""
GREEK = set(_GREEK.split())
ACCENTS = {"dot", "ddot", "hat", "bar", "vec", "tilde", "overline", "widehat", "overrightarrow", "underline"}
CONSTANTS = {"pi": sp.pi, "infty": sp.oo, "infin": sp.oo}
MARKS = {r"\prime", "*", r"\dagger", r"\star", "'", r"\top", "T"}


class Reader:
    """Reads an expression from tokens; recursive descent, one function a level of precedence."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens, self._at, self._depth = tokens, 0, 0
        self._bars = 0
        self._degrees = False

    def all(self) -> sp.Expr:
        """Return the expression that the tokens are. Raises Unreadable where something is left over."""
        found = self._sum()
        if self._at < len(self._tokens):
            raise Unreadable(f"'{self._tokens[self._at].text}' is not understood")
        return found

    def _next(self, ahead: int = 0) -> Token | None:
        return self._tokens[self._at + ahead] if self._at + ahead < len(self._tokens) else None

    def _is(self, *texts: str) -> bool:
        token = self._next()
        return token is not None and token.kind != "text" and token.text in texts

    def _take(self, *texts: str) -> Token:
        token = self._next()
        if token is None or (texts and not self._is(*texts)):
            raise Unreadable("it ends too early" if token is None else f"'{token.text}' is not understood")
        self._at += 1
        return token

    def _sum(self) -> sp.Expr:
        self._depth += 1
        if self._depth > DEEPEST:
            raise Unreadable("nested too deep")
        found = self._product()
        while self._is("+", "-"):
            sign = 1 if self._take().text == "+" else -1
            found = found + sign * self._product()
        self._depth -= 1
        return finite(found)

    def _product(self) -> sp.Expr:
        found = self._factor()
        while True:
            if self._is("*", r"\times", r"\cdot"):
                crossed = self._take().text == r"\times"
                if crossed and any(token.text in (r"\vec", r"\nabla") for token in self._tokens):
                    raise Unreadable("a product of vectors")
                found = found * self._factor()
            elif self._is("/", r"\div"):
                self._take()
                found = found * power(self._factor(), sp.Integer(-1))
            elif self._begins():
                found = found * self._factor(signed=False)
            else:
                return found

    def _begins(self) -> bool:
        """Return whether a factor begins here without a sign of multiplication."""
        token, before = self._next(), self._tokens[self._at - 1]
        if token is None or token.kind == "text":
            return False
        if token.kind == before.kind == "letters" and max(len(token.text), len(before.text)) > 2:
            return False  # words: their order matters
        if token.kind == "number" and before.kind == "letters":
            following = self._next(1)  # n2^n, but neither H2O nor 2 to 3
            return following is not None and following.text == "^"
        if token.kind == "number" and before.text == ")":
            following = self._next(1)  # (n+1)2^n, but not (a) 5 (b) 6
            return following is not None and following.text == "^"
        if token.kind == before.kind == "number" and self._at > 1 and self._tokens[self._at - 2].text == "^":
            following = self._next(1)  # 2^3 3^2
            return following is not None and following.text == "^"
        if token.kind == "number":
            return before.kind != "number" and not (before.kind == "other" and before.text == "/")
        if token.kind == "letters" or token.text in ("(", "{", "[", r"\lfloor", r"\lceil"):
            return True
        if token.text == "|":
            return not self._bars
        name = token.text[1:]
        return token.kind == "command" and (
            name in GREEK
            or name in FUNCTIONS
            or name in CONSTANTS
            or name in ACCENTS
            or name in ("frac", "sqrt", "binom")
        )

    def _factor(self, signed: bool = True) -> sp.Expr:
        if signed and self._is("-", "+"):
            sign = self._take().text
            value = self._factor()
            return -value if sign == "-" else value
        return self._raised(self._atom())

    def _raised(self, found: sp.Expr) -> sp.Expr:
        """Return an atom with what follows it closely: powers, factorials, percent, degrees."""
        while True:
            if self._is("!"):
                self._take()
                twice = self._is("!") and bool(self._take())
                if found.is_Integer and found > 1500:
                    raise Unreadable("a factorial too large")
                found = sp.factorial2(found) if twice else sp.factorial(found)
            elif self._is("%"):
                self._take()
                found = found / 100
            elif self._is("^"):
                self._take()
                if self._is(r"\circ") or self._raw_group() == [r"\circ"]:
                    self._skip_group()
                    found = found * sp.pi / 180 if self._degrees else found
                else:
                    found = power(found, self._exponent())
            else:
                return found

    def _raw_group(self) -> list[str] | None:
        """Return the texts in the braces that open here, or None."""
        if not self._is("{"):
            return None
        depth, texts = 0, list[str]()
        for token in self._tokens[self._at :]:
            depth += (token.text == "{") - (token.text == "}")
            if depth == 0:
                return texts[1:]
            texts.append(token.text)
        raise Unreadable("a brace is never closed")

    def _raw_group_at(self, ahead: int) -> list[str] | None:
        self._at += ahead
        group = self._raw_group()
        self._at -= ahead
        return group

    def _skip_group(self) -> None:
        group = self._raw_group()
        self._at += 1 if group is None else len(group) + 2

    def _exponent(self) -> sp.Expr:
        if self._is("{"):
            return self._group()
        if self._is("-", "+"):
            return (-1 if self._take().text == "-" else 1) * self._exponent()
        if self._is("("):
            return self._atom()
        return self._atom()

    def _group(self, closing: str = "}") -> sp.Expr:
        self._take()
        bars, self._bars = self._bars, 0
        found = self._sum()
        self._bars = bars
        self._take(closing)
        return found

    def _argument(self) -> sp.Expr:
        """Return an argument of a command: in braces, or one digit or letter."""
        if self._is("{"):
            return self._group()
        token = self._next()
        if token and token.kind == "number" and len(token.text) > 1 and token.text.isdigit():
            self._tokens = [
                *self._tokens[: self._at],
                Token("number", token.text[0]),
                Token("number", token.text[1:]),
                *self._tokens[self._at + 1 :],
            ]
        return self._atom()

    def _atom(self) -> sp.Expr:
        token = self._next()
        if token is None:
            raise Unreadable("it ends too early")
        if token.kind == "number":
            return self._number()
        if token.kind == "letters":
            self._take()
            return self._symbol(token.text)
        if token.text == "(":
            return self._group(")")
        if token.text == "[":
            return self._group("]")
        if token.text == "{":
            return self._group()
        if token.text == r"\lfloor":
            return sp.floor(self._group(r"\rfloor"))
        if token.text == r"\lceil":
            return sp.ceiling(self._group(r"\rceil"))
        if token.text == "|":
            return self._absolute()
        if token.kind == "command":
            self._take()
            return self._command(token.text[1:])
        raise Unreadable(f"'{token.text}' is not understood")

    def _absolute(self) -> sp.Expr:
        self._take()
        self._bars += 1
        found = self._sum()
        self._bars -= 1
        self._take("|")
        return sp.Abs(found)

    def _number(self) -> sp.Expr:
        token = self._take()
        value = number(token.text)
        following = self._next()
        if following and following.text in (r"\overline", r"\bar", r"\dot") and "." in token.text:
            digits = self._period()
            places = len(token.text.partition(".")[2])
            return value + sp.Rational(int(digits), (10 ** len(digits) - 1) * 10**places)
        if not token.text.isdigit() or following is None:
            return value
        # Mixed numbers: 2\frac{1}{3}, 2 1/3.
        if following.text == r"\frac":
            start, before = self._at, list(self._tokens)
            self._take()
            above, below = self._argument(), self._argument()
            if above.is_Integer and below.is_Integer and 0 < above < below:
                return value + above / below
            self._at, self._tokens = start, before
        texts = [piece.text for piece in self._tokens[self._at : self._at + 3]]
        if len(texts) == 3 and texts[1] == "/" and texts[0].isdigit() and texts[2].isdigit() and int(texts[2]):
            self._at += 3
            return value + sp.Rational(int(texts[0]), int(texts[2]))
        return value

    def _period(self) -> str:
        r"""Return the digits that are repeated: \overline{36}, \dot{3}\dot{6}; of more, first and last are dotted."""
        mark, digits = self._take().text, self._digits()
        if mark == r"\dot":
            between = self._take().text if (piece := self._next()) and piece.kind == "number" else ""
            if self._is(r"\dot"):
                self._take()
                digits += between + self._digits()
            elif between:
                raise Unreadable("digits behind a period")
        if not digits.isdigit():
            raise Unreadable("a period that is no number")
        return digits

    def _digits(self) -> str:
        """Return the digits that an accent stands over, and pass them."""
        group, piece = self._raw_group(), self._next()
        self._skip_group()
        return "".join(group) if group is not None else piece.text if piece else ""

    def _symbol(self, name: str) -> sp.Expr:
        """Return a letter with its subscript and marks; e and i are the constants where they stand bare."""
        bare = name
        if self._is("_"):
            self._take()
            group = self._raw_group()
            piece = self._next()
            name += "_" + ("".join(group) if group is not None else piece.text if piece else "")
            self._skip_group()
        while self._is("'", r"\prime") or (self._is("^") and self._marks()):
            if self._is("'", r"\prime"):
                name += "'"
                self._take()
            else:
                name += "".join(self._marks())
                self._take()
                self._skip_group()
        if name == "e":
            return sp.E
        if name == "i":
            return sp.I
        if (
            self._is("^")
            and (raised := self._raw_group_at(1))
            and raised[0] == "("
            and len(raised) == 3
            and name != "e"
        ):
            self._take()
            self._skip_group()
            name += "^" + "".join(raised)  # x^{(2)}, the second x
        if self._is("(") and len(bare) == 1:
            inner = self._plain_arguments()
            if inner is not None:
                return sp.Symbol(f"{name}({inner})")
        return sp.Symbol(name)

    def _marks(self) -> list[str]:
        """Return the marks that are raised here: primes and stars, or none."""
        following = self._next(1)
        if following is None:
            return []
        if following.text in MARKS - {"T"}:
            return [following.text]
        group = self._raw_group_at(1) or []
        return group if group and set(group) <= MARKS else []

    def _plain_arguments(self) -> str | None:
        """Return the arguments of f(0) or P(a,b), which are no factors, and pass them."""
        depth, texts = 0, []
        for token in self._tokens[self._at :]:
            depth += (token.text == "(") - (token.text == ")")
            texts.append(token.text)
            if depth == 0:
                break
        inner = texts[1:-1]
        if depth or not inner or not ("," in inner or all(text.replace(".", "").isdigit() for text in inner)):
            return None
        self._at += len(texts)
        return "".join(inner)

    def _command(self, name: str) -> sp.Expr:
        if name == "frac":
            above = self._argument()
            return above * power(self._argument(), sp.Integer(-1))
        if name == "binom":
            above, below = self._argument(), self._argument()
            if any(part.is_Integer and abs(part) > 5000 for part in (above, below)):
                raise Unreadable("a binomial too large")
            return sp.binomial(above, below)
        if name == "sqrt":
            return self._square_root()
        if name in FUNCTIONS:
            return self._function(name)
        if name in CONSTANTS:
            return CONSTANTS[name]
        if name in ACCENTS:
            inner = self._digits()
            if inner.replace(".", "").isdigit():
                raise Unreadable("an accent over digits")
            return self._symbol(f"{'bar' if len(inner) == 1 and name == 'overline' else name}.{inner}")
        if name in GREEK:
            return self._symbol("\\" + name)
        raise Unreadable(f"\\{name} is not understood")

    def _square_root(self) -> sp.Expr:
        degree: sp.Expr = sp.Integer(2)
        if self._is("["):
            degree = self._group("]")
        inner = self._group() if self._is("{") else self._atom()
        return power(inner, power(degree, sp.Integer(-1)))

    def _function(self, name: str) -> sp.Expr:
        function, raised = FUNCTIONS[name], sp.Integer(1)
        if name == "log" and self._is("_"):
            self._take()
            base = self._group() if self._is("{") else self._atom()
            function = log_to(base)
        if self._is("^"):
            self._take()
            raised = self._exponent()
            if raised == -1 and name in INVERSE:
                function, raised = INVERSE[name], sp.Integer(1)
        degrees, self._degrees = self._degrees, name in IN_DEGREES
        arguments = self._arguments()
        self._degrees = degrees
        if name in ("max", "min") and len(arguments) == 1:
            raise Unreadable("the largest of one")
        value = finite(function(*arguments))
        return power(value, raised) if raised != 1 else value

    def _arguments(self) -> list[sp.Expr]:
        """Return what a function is taken of: what is in brackets, or the product that follows."""
        if self._is("{"):
            return [self._group()]
        if self._is("(", r"\{"):
            shut = ")" if self._take().text == "(" else r"\}"
            found = [self._sum()]
            while self._is(","):
                self._take()
                found.append(self._sum())
            self._take(shut)
            return found
        if self._is("-"):
            self._take()
            return [-self._arguments()[0]]
        product = self._factor(signed=False)
        while self._begins() and not self._ends_argument():
            product = product * self._factor(signed=False)
        return [product]

    def _ends_argument(self) -> bool:
        """Return whether the factor that begins here is none of the function's argument: sin x cos x, sin x e^x."""
        token, following = self._next(), self._next(1)
        raised = following is not None and following.text == "^"
        return token is not None and (token.text[1:] in FUNCTIONS or (token.text == "e" and raised))


def read_expression(tokens: Tokens) -> sp.Expr:
    """Return the expression that tokens are. Raises Unreadable."""
    if not tokens:
        raise Unreadable("nothing")
    try:
        return Reader(tokens).all()
    except (RecursionError, ZeroDivisionError, TypeError, AttributeError, OverflowError, IndexError) as error:
        raise Unreadable(f"{type(error).__name__}") from error
