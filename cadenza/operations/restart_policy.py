"""When a supervised process is started again: pure decisions, no clock and no processes.

A process that dies is started again at once-ish (0.2 s), because a live call waits for it. One that keeps dying waits
longer each time, up to a limit, and for ever: a database that is away for an hour must not end the campaign. Only a
process that never became ready since the supervisor started is given up, as that is a fault of set-up, not of weather.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class ProcessState(StrEnum):
    """Where a supervised process is."""

    NEW = "new"
    STARTING = "starting"
    READY = "ready"
    BACKING_OFF = "backing off"
    STOPPING = "stopping"
    STOPPED = "stopped"
    GIVEN_UP = "given up"


@dataclass(frozen=True)
class RestartPolicy:
    """Times in seconds."""

    first_delay: float = 0.2
    factor: float = 2.0
    longest_delay: float = 10.0
    healthy_after: float = 10.0
    """Being ready this long wipes out earlier deaths."""
    deaths_before_ready: int = 4
    """Deaths without ever having been ready after which a process is given up."""
    ready_within: float = 60.0
    """A process that is not ready by then is stuck, and is ended and counted as dead."""

    def delay(self, deaths: int) -> float:
        """Wait before the start that follows the `deaths`-th death in a row (from 1)."""
        return min(self.first_delay * self.factor ** min(deaths - 1, 32), self.longest_delay)

    def is_overdue(self, seconds: float) -> bool:
        """Whether a process that has been starting for so long is stuck."""
        return seconds >= self.ready_within


@dataclass(frozen=True)
class StartAgain:
    """Start the process again after this many seconds."""

    after: float


@dataclass(frozen=True)
class LeaveDown:
    """Do not start it again; `given_up` tells a fault from a wanted stop."""

    given_up: bool


@dataclass
class ProcessLife:
    """The story of one supervised process. Events come in with the time in seconds of any steady clock."""

    policy: RestartPolicy = field(default_factory=RestartPolicy)
    state: ProcessState = ProcessState.NEW
    deaths: int = 0
    was_ever_ready: bool = False
    _since: float = 0.0

    @property
    def is_coming_up(self) -> bool:
        """Not ready, and will be if nothing else happens."""
        return self.state in {ProcessState.STARTING, ProcessState.BACKING_OFF}

    def on_started(self, now: float) -> None:
        """The process runs, and does not serve yet. A stop may have been asked while it was being launched."""
        assert self.state in {ProcessState.NEW, ProcessState.BACKING_OFF, ProcessState.STOPPED}, self.state
        self.state, self._since = ProcessState.STARTING, now

    def on_ready(self, now: float) -> None:
        """The process serves."""
        if self.state is ProcessState.STARTING:
            self.state, self._since = ProcessState.READY, now
            self.was_ever_ready = True

    def is_stuck(self, now: float) -> bool:
        """Whether it has been starting for so long that it should be ended."""
        return self.state is ProcessState.STARTING and self.policy.is_overdue(now - self._since)

    def on_successor_ready(self, now: float) -> bool:
        """A new process is ready beside the old one, which may have died meanwhile. Whether it takes over: not after a
        stop was asked."""
        if self.state not in {ProcessState.READY, ProcessState.BACKING_OFF}:
            return False
        self.state, self._since = ProcessState.READY, now
        return True

    def on_stop_asked(self) -> None:
        """We want it down: the death that follows is no fault."""
        if self.state in {ProcessState.NEW, ProcessState.BACKING_OFF}:
            self.state = ProcessState.STOPPED
        elif self.state in {ProcessState.STARTING, ProcessState.READY}:
            self.state = ProcessState.STOPPING

    def on_exited(self, now: float) -> StartAgain | LeaveDown:
        """The process ended, whatever its exit code: a server that ends unasked has failed."""
        if self.state is ProcessState.STOPPING:
            self.state = ProcessState.STOPPED
            return LeaveDown(given_up=False)
        if self.state is ProcessState.READY and now - self._since >= self.policy.healthy_after:
            self.deaths = 0
        self.deaths += 1
        if not self.was_ever_ready and self.deaths >= self.policy.deaths_before_ready:
            self.state = ProcessState.GIVEN_UP
            return LeaveDown(given_up=True)
        self.state = ProcessState.BACKING_OFF
        return StartAgain(self.policy.delay(self.deaths))
