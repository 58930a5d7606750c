"""Our own voice coming back: a loudspeaker phone or a poor line feeds it to the recogniser. Pure."""

from difflib import SequenceMatcher

from cadenza.domain import phrases

FEWEST_WORDS = 6
"""Shorter stretches of the agent's words are said by people too ("Tuesday at three")."""
FEWEST_WORDS_ON_ECHOING_LINE = 2
_SHARE = 0.8


def is_echo(heard: str, said: str, *, line_echoes: bool = False) -> bool:
    """`heard` is a stretch of what the agent has just `said`, as a recogniser would write it down."""
    words = phrases.plain(heard).split()
    if len(words) < (FEWEST_WORDS_ON_ECHOING_LINE if line_echoes else FEWEST_WORDS):
        return False
    spoken = phrases.plain(said).split()
    matcher = SequenceMatcher(None, words, spoken, autojunk=False)
    blocks = [block for block in matcher.get_matching_blocks() if block.size]
    if not blocks or blocks[-1].b + blocks[-1].size - blocks[0].b > len(words) + 2:
        return False  # the same words, but from here and there
    return sum(block.size for block in blocks) >= _SHARE * len(words)
