"""What makes a password too easy, and nothing else: no rule says which characters it must hold, but for 等保."""

from collections.abc import Iterable, Iterator

from zxcvbn import zxcvbn

from domain.errors import Fault

SHORTEST = 12
LONGEST = 200
LOOKED_AT = 72
"""The estimate takes longer with the square of the length; what is longer is judged by its beginning."""
ENOUGH = 4
"""Of 4: a guesser of 10¹⁰ tries, who begins with passwords that leaked, words, names, dates and keyboard walks."""
OWN_LENGTH = {True: 4, False: 3}
"""How long a word of one's own must be to be looked for, by whether it is ASCII: three signs of a name say more."""
PLACE = ("lianzhou", "链舟")
CLASSES = 3


def faults(
    password: str, own: Iterable[str], *, where: str = "$.password", composed: bool = False
) -> tuple[Fault, ...]:
    """Return everything wrong with a new password; `own` are words that anybody knows of its owner.

    With `composed`, three of the four kinds of characters must be in it (GB/T 22239-2019, 8.1.4.1 a).

    >>> [fault.code for fault in faults("password12345", ())]
    ['password-common']
    >>> faults("一艘船队出海去 2027", ["zhou@lianzhu.example", "岭南能源工程"])
    ()
    >>> [fault.code for fault in faults("岭南能源工程 夏天出海去", ["岭南能源工程"], composed=True)]
    ['password-own', 'password-plain']
    """
    return tuple(Fault(where=where, code=code) for code in _wrong(password, tuple(own), composed))


def _wrong(password: str, own: tuple[str, ...], composed: bool) -> Iterator[str]:
    words = tuple(word for each in (*own, *PLACE) for word in _words(each))
    held = password.casefold()
    if any(len(word) >= OWN_LENGTH[word.isascii()] and word in held for word in words):
        yield "password-own"
    elif zxcvbn(password[:LOOKED_AT], user_inputs=list(words))["score"] < ENOUGH:
        yield "password-common"
    if composed and _classes(password) < CLASSES:
        yield "password-plain"


def _words(own: str) -> Iterator[str]:
    """Yield what is known of a person: an address by its name and its domain's first label, anything else whole."""
    name, at, domain = own.casefold().partition("@")
    yield name.strip()
    if at:
        yield domain.partition(".")[0]


def _classes(password: str) -> int:
    kinds = (str.islower, str.isupper, str.isdigit, lambda sign: not (sign.isascii() and sign.isalnum()))
    return sum(any(kind(sign) for sign in password) for kind in kinds)
