"""What can be turned on the emulated recogniser while it runs, over the control port."""

from pydantic import BaseModel, ConfigDict, Field


class AssemblyAiBehaviour(BaseModel):
    """Limits and timings of the emulated AssemblyAI account."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    maximum_sessions: int = Field(400, ge=0, description="Sessions open at the same time; more are closed with 3009")
    ahead_seconds: float = Field(2.0, ge=0, description="Audio may run ahead of the clock so far, else 3007")
    shortest_turn_delay_seconds: float = Field(0.12, ge=0, description="From the cause of a Turn to the Turn, at least")
    longest_turn_delay_seconds: float = Field(0.21, ge=0, description="From the cause of a Turn to the Turn, at most")
