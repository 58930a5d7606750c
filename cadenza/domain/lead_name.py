"""A person's name from a lead file, and the first name that a greeting may say."""

import re

_TITLES = {"mr", "mrs", "ms", "miss", "mx", "dr", "prof", "professor", "sir", "madam", "herr", "frau"}
MAX_NAME = 80


def full_and_first_name(full: str, first: str, last: str) -> tuple[str, str]:
    """`(name, first_name)` from whichever columns there are. The first name is empty if it cannot be spoken.

    `Doe, John` is turned around and titles are left out; JOHN and john become John.
    """
    given, family = _tidy(first), _tidy(last)
    whole = _tidy(full)
    if not given and whole:
        given = _first_of(whole)
    name = whole or f"{given} {family}".strip()
    return name[:MAX_NAME], _spoken(given)


def _first_of(whole: str) -> str:
    if whole.count(",") == 1:
        family, _, given = whole.partition(",")
        whole = f"{given.strip()} {family.strip()}"
    words = [word for word in whole.split() if word.rstrip(".").casefold() not in _TITLES]
    return words[0] if words else ""


def _spoken(given: str) -> str:
    """A greeting says a name or nothing: no digits, addresses, initials or remarks."""
    words = [word for word in given.split() if word.rstrip(".").casefold() not in _TITLES]
    word = words[0] if words else ""
    if not re.fullmatch(r"[^\W\d_]+(?:[-'\u2019][^\W\d_]+)*", word) or not 2 <= len(word) <= 30:
        return ""
    if word.isupper() or word.islower():
        word = "-".join(part[:1].upper() + part[1:].lower() for part in word.split("-"))
    return word


def _tidy(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"[\x00-\x1f\x7f]", " ", text)).strip()
