"""From espeak's word events to the whitespace tokens of the text, each with its span of time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from rehearsal.speech.espeak import WordEvent

_TOKEN: Final = re.compile(r"\S+")
_SPOKEN: Final = re.compile(r"\w|[@$€£%&+=#]")
_SENTENCE_END: Final = re.compile(r"[.!?…]+[\"')\]”’]*$")
_ABBREVIATION: Final = re.compile(r"^(?:mr|mrs|ms|dr|st|[a-z]\.[a-z]|vs|etc)\.$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """A token of the text and when it is spoken, in samples. Unspoken tokens have an empty span."""

    text: str
    start: int
    end: int
    ends_sentence: bool


def _ends_sentence(token: str, following: str | None) -> bool:
    if not _SENTENCE_END.search(token):
        return following is None
    if following is None:
        return True
    if _ABBREVIATION.match(token.strip("\"'(")):
        return following[:1].isupper() and token.lower() in {"a.m.", "p.m."}
    return True


def token_spans(text: str, events: Sequence[WordEvent], total: int) -> list[TokenSpan]:
    """Give every whitespace token of `text` its span within `total` samples.

    espeak reports some runs as one word ("in the"): tokens without an event of their own share the time of the
    one before them, by length. Tokens that are only punctuation take none.
    """
    found = list(_TOKEN.finditer(text))
    if not found:
        return []
    starts: list[int | None] = []
    remaining = list(events)
    latest = 0
    for match in found:
        start: int | None = None
        while remaining and remaining[0].position < match.end():
            event = remaining.pop(0)
            if start is None and event.position >= match.start() and _SPOKEN.search(match.group()):
                start = latest = max(event.sample, latest)
        starts.append(start)
    starts[0] = 0
    anchors = [index for index, start in enumerate(starts) if start is not None]
    bounds: list[int] = [0] * (len(found) + 1)
    for first, following in pairwise([*anchors, len(found)]):
        begin = starts[first] or 0
        until = total if following == len(found) else starts[following] or 0
        weights = [len(match.group()) + 1 if _SPOKEN.search(match.group()) else 0 for match in found[first:following]]
        whole = sum(weights) or 1
        passed = 0
        for offset, weight in enumerate(weights):
            bounds[first + offset] = begin + (until - begin) * passed // whole
            passed += weight
    bounds[-1] = total
    tokens = [match.group() for match in found]
    return [
        TokenSpan(
            token,
            bounds[index],
            max(bounds[index], bounds[index + 1]),
            _ends_sentence(token, tokens[index + 1] if index + 1 < len(tokens) else None),
        )
        for index, token in enumerate(tokens)
    ]
