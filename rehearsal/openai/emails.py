"""E-mail addresses as people say them: written, or spelt with "at" and "dot". Pure."""

import re
from typing import Final

from rehearsal.openai.intents import vocabulary

_WRITTEN: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_SYMBOLS: Final = {
    "dot": ".", "period": ".", "point": ".", "underscore": "_", "dash": "-", "hyphen": "-", "minus": "-", "plus": "+",
}  # fmt: skip
_DIGITS: Final = dict(zip(vocabulary("zero one two three four five six seven eight nine"), "0123456789", strict=True))
_STOP: Final = frozenset(
    vocabulary(
        "it's its is my email e-mail address mail the to sure yes yeah okay ok so you can use that's thats "
        "and then send please at it me of course well um uh"
    )
)


def email_in(text: str) -> str | None:
    """The address in the words, in lower case, or None."""
    written = _WRITTEN.search(text)
    if written:
        return written.group().rstrip(".").lower()
    words = [word.strip(".,!?;:\"'") for word in text.lower().replace("’", "'").split()]
    for index, word in enumerate(words):
        if word != "at":
            continue
        domain = _domain(words[index + 1 :])
        local = _local(words[:index])
        if domain and local:
            return f"{local}@{domain}"
    return None


def _spelt(word: str) -> str:
    return _SYMBOLS.get(word) or _DIGITS.get(word) or word


def _local(words: list[str]) -> str:
    parts: list[str] = []
    for word in reversed(words):
        if word in _STOP or not re.fullmatch(r"[\w.+'-]+", word):
            break
        # Two plain words in a row are two words; letters, digits and symbols join.
        if parts and len(word) > 1 and word not in _SYMBOLS and word not in _DIGITS:
            following = words[len(words) - len(parts)]
            if len(following) > 1 and following not in _SYMBOLS and following not in _DIGITS:
                break
        parts.append(word)
    return "".join(_spelt(word) for word in reversed(parts)).strip(".")


def _domain(words: list[str]) -> str | None:
    built: list[str] = []
    dotted = False
    for word in words:
        symbol = _spelt(word)
        if symbol == ".":
            built.append(".")
            dotted = True
        elif not re.fullmatch(r"[\w-]+(\.[\w-]+)*", symbol) or (
            built and built[-1] not in {".", "-"} and len(symbol) > 1 and len(built[-1]) > 1
        ):
            break
        else:
            built.append(symbol)
            dotted = dotted or "." in symbol
    domain = "".join(built).strip(".")
    return domain if dotted and re.fullmatch(r"[\w-]+(\.[\w-]+)+", domain) else None
