"""One utterance of the agent with everything that belongs to it: its journal row, its timing, what the model sees."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from cadenza.domain.outcomes import Speaker
from cadenza.records.journal import TurnRow
from voice_bridge.conversation import AgentEntry
from voice_bridge.mouth import Utterance
from voice_bridge.timing import ReplyTiming

FORESEEN_MS = 200
"""A sentence goes to the journal so long before its mark can be back. What was heard must be there when the bridge dies
right behind its last word: whoever takes the call up would say it again. Of a death inside this time the callee misses
the last part of a word."""


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
            ends_at = sentence.ends_at
            if not sentence.is_foreseen and ends_at is not None and ends_at - now_ms <= FORESEEN_MS:
                sentence.is_foreseen = self.was_foreseen = news = True
        return news

    def row(self) -> TurnRow:
        """The turn as it stands: the words heard so far, and those meant."""
        heard, planned = self._heard_text(), self.utterance.planned_text
        lines = [sentence.line.value for sentence in self.utterance.sentences if sentence.line is not None]
        return TurnRow(
            position=self.position,
            speaker=Speaker.AGENT,
            text=heard,
            generated=planned,
            interrupted=self.is_over and heard != planned,
            payload={"lines": lines} if lines else None,
            started_at=self.started_at,
            latency=self.timing.stages() if self.timing is not None else None,
        )

    def _heard_text(self) -> str:
        if self.is_over:
            return self.utterance.heard_text
        heard = (one.text if one.is_foreseen else one.heard_text for one in self.utterance.sentences)
        return " ".join(text for text in heard if text)
