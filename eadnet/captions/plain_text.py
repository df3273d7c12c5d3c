"""What a language model wrote, as plain text: the letters, digits and punctuation of English.

Letters that look like others, or are invisible, hide words from a list of words and from a text encoder.
`plain` folds what has a plain form (accents, ligatures, full width, typographic quotes and dashes) and drops what is
invisible; whatever is then outside `LETTERS` (control characters, other scripts, markup) has no place in a caption.
"""

import re
import unicodedata

LETTERS = r"""A-Za-z0-9.,;:'"()!?/&%\-"""
"""Inside of a character class of regular expressions: all that a caption is written with, but for the blank."""

_INVISIBLE = ("Cf", "Mn", "Me")  # categories: formats (zero width, direction, tags), marks over and around letters
_MARKS = str.maketrans(
    dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")
    | dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4\u02bc", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u2033", '"')
)
_SPELT = re.compile(r"(?<![A-Za-z])[A-Za-z](?:[-.'/ ][A-Za-z]){2,}(?![A-Za-z])")


def plain(text: str) -> str:
    """The text in its plainest form (Unicode's NFKD without marks and formats), with single blanks and none around."""
    folded = unicodedata.normalize("NFKD", text.translate(_MARKS))
    seen = "".join(letter for letter in folded if unicodedata.category(letter) not in _INVISIBLE)
    return " ".join(filter(None, seen.split(" ")))


def readings(text: str) -> tuple[str, ...]:
    """Ways in which a text can be read: as it is, without hyphens, and with spelt words (w-o-r-d) put together."""
    stands = plain(text)
    joined = _SPELT.sub(lambda spelt: re.sub(r"[^A-Za-z]", "", spelt.group()), stands)
    return tuple(dict.fromkeys((stands, stands.replace("-", ""), joined)))
