"""What can be turned on the emulated model while it runs, over the control port."""

from pydantic import BaseModel, ConfigDict, Field


class OpenAiBehaviour(BaseModel):
    """Timings of the emulated OpenAI account."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    shortest_first_token_seconds: float = Field(0.18, ge=0, description="From the request to the first token, at least")
    longest_first_token_seconds: float = Field(0.35, ge=0, description="From the request to the first token, at most")
    tokens_per_second: float = Field(60.0, gt=0, description="Pace of the tokens that follow")
