"""One utterance of the agent with everything that belongs to it: its journal row, its timing, what the model sees."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from cadenza.domain.outcomes import Speaker
from cadenza.records.journal import TurnRow
from voice_bridge.conversation import AgentEntry
from voice_bridge.mouth import Utterance
from voice_bridge.timing import ReplyTiming


@dataclass(slots=True, eq=False)
class AgentTurn:
    """From the decision to speak until the last word was played or cut."""

    utterance: Utterance
    position: int
    timing: ReplyTiming | None = None
    entries: list[AgentEntry] = field(default_factory=list)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    is_over: bool = False

    def finish(self) -> None:
        """Nothing more of it will be heard."""
        self.is_over = True
        for entry in self.entries:
            entry.finish()

    def row(self) -> TurnRow:
        """The turn as it stands: the words heard so far, and those meant."""
        heard, planned = self.utterance.heard_text, self.utterance.planned_text
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
