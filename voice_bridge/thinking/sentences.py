"""Turns a stream of text into sentences that can be spoken as soon as they are whole. Pure.

Markup, emoji and stage directions are taken out: a voice would read them aloud.
"""

import re

_SOFT_LIMIT = 110
"""A sentence that grows past this is cut at its next comma: nobody should wait for the end of a long one."""
_EAGER_LIMIT = 60
"""The first one of a reply, for which somebody waits: a quarter of a second of a model's words."""
_SOFT_LEAST, _EAGER_LEAST = 40, 15
_HARD_LIMIT = 400

_END = re.compile(r"[.!?…]+[\"')\]”’]*(?=\s)|\n+")
_ABBREVIATION = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|vs|etc|e\.g|i\.e|approx|No|Inc|Ltd|Co)|\b[A-Z])\.$")
_SOFT_END = re.compile(r"[,;:](?=\s)|\s[-–—]\s")

_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_FENCE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_JSON = re.compile(r"\{[^{}]*\}")
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,80}>")
_STAGE = re.compile(r"\*[a-z][^*\n]{0,40}\*|\[(?:pause|laughs?|sighs?|beat)\]", re.IGNORECASE)
_HEAD = re.compile(r"(?m)^\s*(?:#{1,6}\s+|[-*•]\s+|\d{1,2}[.)]\s+|>\s+)")
_MARKS = re.compile(r"\*+|`+|~~+|(?<!\w)_+|_+(?!\w)")
_EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2190-\u21ff\ufe0f\u200d]")
_SPACE = re.compile(r"\s+")


def clean(text: str) -> str:
    """Plain words for a voice: no Markdown, tags, emoji or stage directions."""
    text = _JSON.sub(" ", _JSON.sub(" ", _FENCE.sub(" ", text)))  # a tool call written as words
    text = _LINK.sub(r"\1", text)
    text = _TAG.sub(" ", text)
    text = text.replace("**", "").replace("__", "")
    text = _STAGE.sub(" ", text)
    text = _HEAD.sub("", text)
    text = _EMOJI.sub("", _MARKS.sub("", text))
    return _SPACE.sub(" ", text).strip()


def sentences_of(text: str) -> list[str]:
    """The sentences of a whole text."""
    splitter = SentenceSplitter()
    return [*splitter.feed(text), *splitter.flush()]


class SentenceSplitter:
    """Feed it pieces of text; it gives back whole sentences. `eager`: and of a long first one what comes before its
    first comma."""

    def __init__(self, *, eager: bool = False) -> None:
        self._text = ""
        self._eager = eager

    def feed(self, piece: str) -> list[str]:
        """The sentences that this piece completes."""
        self._text += piece
        sentences: list[str] = []
        while (end := self._end()) is not None:
            sentences += self._take(end)
        return sentences

    def flush(self) -> list[str]:
        """What is left, as the last sentence."""
        return self._take(len(self._text))

    def _take(self, end: int) -> list[str]:
        sentence, self._text = clean(self._text[:end]), self._text[end:].lstrip(" ")
        self._eager = False
        return [sentence] if re.search(r"\w", sentence) else []

    def _end(self) -> int | None:
        for found in _END.finditer(self._text):
            before = self._text[: found.end()]
            if not _ABBREVIATION.search(before) and re.search(r"\w", before):
                return found.end()
        limit, least = (_EAGER_LIMIT, _EAGER_LEAST) if self._eager else (_SOFT_LIMIT, _SOFT_LEAST)
        if len(self._text) > limit:
            for found in _SOFT_END.finditer(self._text, least):
                return found.end()
        if len(self._text) > _HARD_LIMIT:
            return self._text.rfind(" ", 0, _HARD_LIMIT) + 1 or _HARD_LIMIT
        return None
