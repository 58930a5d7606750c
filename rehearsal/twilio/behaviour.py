"""What can be turned on the emulated account while it runs, over the control port."""

from pydantic import BaseModel, ConfigDict, Field


class TwilioBehaviour(BaseModel):
    """Limits and timings of the emulated Twilio account."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    calls_per_second: float = Field(1.0, gt=0, description="Calls taken out of the queue per second")
    concurrency_limit: int | None = Field(
        None, ge=0, description="Calls not ended at the same time; more are refused with 10004; null: no limit"
    )
    list_delay_seconds: float = Field(
        1.0, ge=0, description="A new call shows up in lists after this long (reads are eventually consistent)"
    )
    stream_failure_pause_seconds: float = Field(1.0, ge=0, description="From a broken media stream to the next verb")
    shortest_ring_seconds: float = Field(1.0, ge=0, description="Ringing before somebody answers, at least")
    longest_ring_seconds: float = Field(3.0, ge=0, description="Ringing before somebody answers, at most")
    transfer_talk_seconds: float = Field(
        1.0, ge=0, description="How long a dialled target stays on the line after its first words"
    )
    goes_on_after_broken_stream: bool = Field(
        True, description="The next verb runs when a media stream broke; false: the call waits to be updated"
    )
    recording_delay_seconds: float = Field(0.5, ge=0, description="From a call's end to its recording's callback")
    network_seconds: float = Field(0.0, ge=0, description="Between a phone and a media stream's socket, each way")
    log_sound: bool = Field(False, description="Log when each side of a new line sounds and pauses, to 20 ms")
