"""What can be turned on the emulated Microsoft while it runs, over the control port."""

from pydantic import BaseModel, ConfigDict, Field


class MicrosoftBehaviour(BaseModel):
    """Limits and timings of the emulated tenant."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    token_seconds: int = Field(3599, ge=0, description="Life of an access token")
    requests_at_once: int = Field(4, ge=1, description="Requests for one mailbox at the same time")
    requests_in_ten_minutes: int = Field(10_000, ge=1, description="Requests for one mailbox in ten minutes")
    latency_seconds: float = Field(0.01, ge=0, description="Time that Graph takes for a request")
    meeting_seconds: float = Field(0.0, ge=0, description="From a new event to its Teams link")
    busy_share: float = Field(0.3, ge=0, le=1, description="Share of the reps' time taken by meetings of their own")
