"""The words for where things are and how they ended. One place for every state, outcome and reason."""

from enum import StrEnum


class CampaignState(StrEnum):
    """Where a campaign is. Only `running` is dialled."""

    DRAFT = "draft"
    PREPARING = "preparing"  # audio is being rendered
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    COMPLETED = "completed"


class LeadState(StrEnum):
    """Where a lead is."""

    NEW = "new"  # uploaded, never admitted; no workflow yet
    DUE = "due"  # may be admitted once `due_at` has come
    CALLING = "calling"  # an attempt is under way
    WAITING = "waiting"  # its workflow sleeps until `due_at`
    FINAL = "final"  # has its one final outcome


class UploadState(StrEnum):
    """Where an upload is. Its leads and findings come with `done`, all at once."""

    READING = "reading"
    STORING = "storing"  # read to its end; rows are compared with the campaigns and written
    DONE = "done"
    INTERRUPTED = "interrupted"  # the process died; nothing of it was taken, and the file may be sent again


class AttemptState(StrEnum):
    """Where an attempt is. The edges are in `ATTEMPT_EDGES`."""

    RESERVED = "reserved"  # admitted; may be submitted until its lease lapses
    SUBMITTING = "submitting"  # the POST to the carrier is under way, or its result is unknown
    DOUBTFUL = "doubtful"  # the POST may or may not have placed a call; being reconciled
    PLACED = "placed"  # the carrier has it
    RINGING = "ringing"
    IN_PROGRESS = "in_progress"
    ENDED = "ended"
    REFUSED = "refused"  # a gate said no, or the carrier refused outright; nobody was rung
    LAPSED = "lapsed"  # its lease ran out before it was submitted; nobody was rung


ATTEMPT_EDGES: dict[AttemptState, frozenset[AttemptState]] = {
    AttemptState.RESERVED: frozenset({AttemptState.SUBMITTING, AttemptState.REFUSED, AttemptState.LAPSED}),
    # There is no edge back to reserved: what may have been sent is never sent again.
    AttemptState.SUBMITTING: frozenset(
        {AttemptState.DOUBTFUL, AttemptState.PLACED, AttemptState.RINGING, AttemptState.IN_PROGRESS}
        | {AttemptState.ENDED, AttemptState.REFUSED}
    ),
    AttemptState.DOUBTFUL: frozenset(
        {AttemptState.PLACED, AttemptState.RINGING, AttemptState.IN_PROGRESS, AttemptState.ENDED}
        | {AttemptState.REFUSED}
    ),
    AttemptState.PLACED: frozenset({AttemptState.RINGING, AttemptState.IN_PROGRESS, AttemptState.ENDED}),
    AttemptState.RINGING: frozenset({AttemptState.IN_PROGRESS, AttemptState.ENDED}),
    AttemptState.IN_PROGRESS: frozenset({AttemptState.ENDED}),
    AttemptState.ENDED: frozenset(),
    AttemptState.REFUSED: frozenset(),
    AttemptState.LAPSED: frozenset(),
}

OPEN_ATTEMPT_STATES = tuple(state for state, edges in ATTEMPT_EDGES.items() if edges)
"""States that hold a line."""


class CallStatus(StrEnum):
    """The carrier's word for a call (Twilio's names)."""

    QUEUED = "queued"
    INITIATED = "initiated"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_terminal(self) -> bool:
        return self in {self.COMPLETED, self.BUSY, self.NO_ANSWER, self.FAILED, self.CANCELED}


class AnsweredBy(StrEnum):
    """Who or what answered. The carrier's names, plus the bridge's own findings."""

    HUMAN = "human"
    MACHINE_START = "machine_start"
    MACHINE_END_BEEP = "machine_end_beep"
    MACHINE_END_SILENCE = "machine_end_silence"
    MACHINE_END_OTHER = "machine_end_other"
    FAX = "fax"
    UNKNOWN = "unknown"
    SCREENING = "screening"

    @property
    def is_machine(self) -> bool:
        return self.value.startswith("machine") or self is AnsweredBy.FAX

    @property
    def greeting_is_over(self) -> bool:
        return self.value.startswith("machine_end")


class AttemptOutcome(StrEnum):
    """How one attempt ended."""

    BOOKED = "booked"
    TRANSFERRED = "transferred"  # connected to a person of ours, who took the call
    CALLBACK_PROMISED = "callback_promised"
    INTERESTED = "interested"  # a good talk without an appointment: a person should follow up
    NOT_INTERESTED = "not_interested"
    OPTED_OUT = "opted_out"
    WRONG_NUMBER = "wrong_number"
    GATEKEEPER = "gatekeeper"
    HUNG_UP = "hung_up"  # a person answered and left before the talk had a result
    SILENT = "silent"  # answered, nobody spoke
    SCREENED = "screened"  # a screening assistant answered, nobody picked up
    MACHINE = "machine"  # a machine answered, we hung up
    VOICEMAIL_LEFT = "voicemail_left"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    INVALID_NUMBER = "invalid_number"
    FAILED = "failed"  # carrier or network fault; nobody was reached
    UNKNOWN = "unknown"  # it could not be found out whether the call took place; counts as made
    WITHDRAWN = "withdrawn"  # called off before it rang (pause, cancel)
    REFUSED = "refused"  # a gate said no
    LAPSED = "lapsed"  # came too late to be submitted


class LeadOutcome(StrEnum):
    """The one final outcome of a lead."""

    BOOKED = "booked"
    TRANSFERRED = "transferred"
    INTERESTED = "interested"
    NOT_INTERESTED = "not_interested"
    OPTED_OUT = "opted_out"
    WRONG_NUMBER = "wrong_number"
    GATEKEEPER = "gatekeeper"
    HUNG_UP = "hung_up"
    SILENT = "silent"
    SCREENED = "screened"
    VOICEMAIL_LEFT = "voicemail_left"
    MACHINE = "machine"  # machines only, and no message was wanted
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    INVALID_NUMBER = "invalid_number"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SUPPRESSED = "suppressed"  # the number asked, anywhere, never to be called
    CANCELLED = "cancelled"  # its campaign was cancelled
    UNCALLABLE = "uncallable"  # the rules never allow a call: on a register, somebody else's now, or at no open hour


class RetryKind(StrEnum):
    """What an attempt's outcome means for the next one."""

    NEVER = "never"  # the lead is finished
    CALLBACK = "callback"  # at the promised time
    LATER = "later"  # at another time of day
    SOON = "soon"  # busy: minutes
    NETWORK = "network"  # minutes, and the attempt does not count
    AGAIN = "again"  # was not made at all: as soon as it is allowed


RETRY_KINDS: dict[AttemptOutcome, RetryKind] = {
    AttemptOutcome.BOOKED: RetryKind.NEVER,
    AttemptOutcome.TRANSFERRED: RetryKind.NEVER,
    AttemptOutcome.CALLBACK_PROMISED: RetryKind.CALLBACK,
    AttemptOutcome.INTERESTED: RetryKind.NEVER,
    AttemptOutcome.NOT_INTERESTED: RetryKind.NEVER,
    AttemptOutcome.OPTED_OUT: RetryKind.NEVER,
    AttemptOutcome.WRONG_NUMBER: RetryKind.NEVER,
    AttemptOutcome.GATEKEEPER: RetryKind.LATER,
    AttemptOutcome.HUNG_UP: RetryKind.NEVER,
    AttemptOutcome.SILENT: RetryKind.LATER,
    AttemptOutcome.SCREENED: RetryKind.LATER,
    AttemptOutcome.MACHINE: RetryKind.LATER,
    AttemptOutcome.VOICEMAIL_LEFT: RetryKind.NEVER,
    AttemptOutcome.NO_ANSWER: RetryKind.LATER,
    AttemptOutcome.BUSY: RetryKind.SOON,
    AttemptOutcome.INVALID_NUMBER: RetryKind.NEVER,
    AttemptOutcome.FAILED: RetryKind.NETWORK,
    AttemptOutcome.UNKNOWN: RetryKind.LATER,
    AttemptOutcome.WITHDRAWN: RetryKind.AGAIN,
    AttemptOutcome.REFUSED: RetryKind.AGAIN,
    AttemptOutcome.LAPSED: RetryKind.AGAIN,
}

REACHED_NOBODY = frozenset({AttemptOutcome.WITHDRAWN, AttemptOutcome.REFUSED, AttemptOutcome.LAPSED})
"""Outcomes that do not count as an attempt: the carrier rang nobody."""


class BookingState(StrEnum):
    """Where an appointment is."""

    HELD = "held"
    CONFIRMED = "confirmed"
    RELEASED = "released"
    CANCELLED = "cancelled"


class CalendarProvider(StrEnum):
    """Where a rep's appointments are kept."""

    CALENDLY = "calendly"
    TEAMS = "teams"


class MessageSource(StrEnum):
    """Who said that a machine answered."""

    CARRIER = "carrier"
    BRIDGE = "bridge"


class Speaker(StrEnum):
    """Whose turn a journal entry is."""

    AGENT = "agent"
    CALLEE = "callee"
    TOOL = "tool"
    SYSTEM = "system"
