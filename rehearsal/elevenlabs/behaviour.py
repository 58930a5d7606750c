"""What can be turned on the emulated synthesiser while it runs, over the control port."""

from pydantic import BaseModel, ConfigDict, Field


class ElevenLabsBehaviour(BaseModel):
    """Limits, timings and spelling of the emulated ElevenLabs account."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    concurrency: int = Field(30, ge=0, description="Generations at the same time; more wait 50 ms and get 429")
    snake_case: bool = Field(True, description="Multi-context answers say context_id and is_final, else contextId")
    speed: float = Field(8.0, gt=0, description="Audio comes this many times faster than it sounds")
    extra_delay_seconds: float = Field(0.0, ge=0, description="Added to the time to the first byte of all speech")
