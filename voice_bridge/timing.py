"""How long a reply took, stage by stage, from the moment the callee stopped speaking."""

from dataclasses import dataclass


@dataclass(slots=True)
class ReplyTiming:
    """Instants in ms of the loop's clock; None where a stage did not happen."""

    speech_ended: int
    transcript: int
    first_token: int | None = None
    first_sentence: int | None = None
    first_voice: int | None = None
    first_audio: int | None = None
    heard: int | None = None

    def stages(self) -> dict[str, int]:
        """Milliseconds since the end of speech (records.journal.LATENCY_STAGES)."""
        instants = {
            "transcript": self.transcript,
            "first_token": self.first_token,
            "first_sentence": self.first_sentence,
            "first_voice": self.first_voice,
            "first_audio": self.first_audio,
            "heard": self.heard,
        }
        return {stage: max(0, at - self.speech_ended) for stage, at in instants.items() if at is not None}
