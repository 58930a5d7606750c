"""One utterance of the agent with everything that belongs to it: its journal row, its timing, what the model sees."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cadenza.domain.outcomes import Speaker
from cadenza.domain.standard_lines import Line
from cadenza.records.journal import TurnRow
from voice_bridge.conversation import AgentEntry
from voice_bridge.fillers import WAITING_LINES
from voice_bridge.heard import Sentence
from voice_bridge.mouth import Utterance
from voice_bridge.timing import ReplyTiming

FORESEEN_MS = 300
"""A sentence goes to the journal so long before its last word is over, and not with its mark, which comes behind the
silence that follows. What was heard must be there when the bridge dies right behind that word: whoever takes the call
up would say it again. Of a death inside this time the callee misses the last part of a word."""

SAID_NOTHING = "said_nothing"
"""In a row's payload: only words that pass the time, or cover a break, were heard; what is to be said comes still."""
_SAYS_NOTHING = WAITING_LINES | {Line.RESUME}


@dataclass(slots=True, eq=False)
class AgentTurn:
    """From the decision to speak until the last word was played or cut."""

    utterance: Utterance
    position: int
    timing: ReplyTiming | None = None
    entries: list[AgentEntry] = field(default_factory=list)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    is_over: bool = False
    was_foreseen: bool = False
    """Something of it is on record, and has to be put right if it was cut off after all."""

    def finish(self) -> None:
        """Nothing more of it will be heard."""
        self.is_over = True
        for entry in self.entries:
            entry.finish()

    def foresee(self, now_ms: int) -> bool:
        """Whether a sentence is almost over that the journal does not have as heard yet."""
        news = False
        for sentence in self.utterance.sentences:
            if sentence.foresee(now_ms + FORESEEN_MS):
                self.was_foreseen = news = True
        return news

    def row(self) -> TurnRow:
        """The turn as it stands: the words heard so far, and those meant."""
        planned, on_record = self.utterance.planned_text, self._on_record()
        heard = " ".join(text for _, text in on_record)
        lines = [sentence.line.value for sentence in self.utterance.sentences if sentence.line is not None]
        payload: dict[str, Any] = {"lines": lines} if lines else {}
        if on_record and all(sentence.line in _SAYS_NOTHING for sentence, _ in on_record):
            payload[SAID_NOTHING] = True
        return TurnRow(
            position=self.position,
            speaker=Speaker.AGENT,
            text=heard,
            generated=planned,
            interrupted=self.is_over and heard != planned,
            payload=payload or None,
            started_at=self.started_at,
            latency=self.timing.stages() if self.timing is not None else None,
        )

    def _on_record(self) -> list[tuple[Sentence, str]]:
        """What was heard of it, by sentence; while it is under way, with what is about to be."""
        return [
            (sentence, text)
            for sentence in self.utterance.sentences
            if (text := sentence.heard_text if self.is_over else sentence.foreseen_text)
        ]
