"""Following one call from the carrier's yes to its end: news in, the next move out.

A pure, synchronous state machine: no I/O, no clock of its own (the instant is an argument). The workflow asks
`decide` after every piece of news and carries out the move; what it did comes back through the `noted_...` methods.

    RINGING -> TALKING -> ENDING -> CLOSING
       \\-> GREETING -> MESSAGE -/              (a machine answered)

Every phase has a deadline. Past it the carrier is asked; a call that lives on is ended; a call that nobody can tell
anything about is given up as unknown. So a lost callback costs time, never a lead.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from cadenza.domain.call_facts import CallFacts, CallNews, add_news, add_status
from cadenza.domain.messages import AttemptAdmitted, MachineDetected
from cadenza.domain.outcomes import AnsweredBy, AttemptOutcome, CallStatus, MessageSource

RING_GRACE = timedelta(seconds=30)
"""After the ringing time: some carriers add five seconds, and callbacks take their time."""
TALK_GRACE = timedelta(seconds=30)
LOOK_AGAIN = timedelta(minutes=5)
"""A call that is longer than one with the agent may be: is the callee still connected to a person, or was the call's
end not told? The carrier is asked so often, or a lost callback would keep the line for as long as a transfer may be."""
BRIDGE_CONFIRMS = timedelta(seconds=8)
"""The carrier judges by energy and timing, so a person's long hello is a machine to it. The bridge hears the words, and
has this long to say otherwise before the carrier's verdict alone ends a call: to hang up on a person is the dear error.
"""
GREETING_CAP = timedelta(seconds=40)
"""A greeting whose end nobody heard is taken to be over after this."""
MESSAGE_CAP = timedelta(seconds=90)
ENDING_GRACE = timedelta(seconds=20)
"""From the bridge's last word, or from our hanging up, to the carrier's terminal status."""
WORD_GRACE = timedelta(seconds=6)
"""From the carrier's terminal status to the bridge's last word."""
ASK_AGAIN = timedelta(seconds=20)


class Phase(StrEnum):
    """Where the call is."""

    RINGING = "ringing"
    TALKING = "talking"
    GREETING = "greeting"  # a machine speaks; we wait for its beep
    MESSAGE = "message"  # our message is being played
    ENDING = "ending"  # it should end by itself now
    CLOSING = "closing"  # it has ended; the bridge may still have a word to say


class MoveKind(StrEnum):
    """What the workflow is to do."""

    WAIT = "wait"
    CALL_OFF = "call_off"  # cancel it before it rings; or, where its number was suppressed, before it is answered
    HANG_UP = "hang_up"
    DROP_VOICEMAIL = "drop_voicemail"
    ASK_CARRIER = "ask_carrier"
    READ_RECORD = "read_record"  # what the bridge wrote in SQL
    FINISH = "finish"


@dataclass(frozen=True)
class Move:
    kind: MoveKind
    until: datetime | None = None  # of WAIT: when to look again though nothing was heard


_OVERDUE = (MoveKind.ASK_CARRIER, MoveKind.HANG_UP, MoveKind.ASK_CARRIER, MoveKind.ASK_CARRIER, MoveKind.ASK_CARRIER)
"""What is done past a phase's deadline, `ASK_AGAIN` apart; after the last the call is given up."""


class CallFollowing:
    """The state of one call that the carrier has taken, or may have taken."""

    def __init__(self, plan: AttemptAdmitted) -> None:
        self.plan = plan
        self.facts = CallFacts()
        self._bridge_verdict: AnsweredBy | None = None  # its latest: it changes its mind when a person picks up
        self._message_tried = False
        self._message_plays = False
        self._ending = False
        self._record_read = False
        self._phase = Phase.RINGING
        self._since: datetime | None = None
        self._overdue_steps = 0
        self._last_step_at: datetime | None = None
        self._looked_at: datetime | None = None
        self._machine_since: datetime | None = None
        self._called_off = False
        self._called_off_ringing = False

    @property
    def phase(self) -> Phase:
        return self._phase

    # News

    def note(self, news: CallNews, now: datetime) -> None:
        """Something was said about the call."""
        if isinstance(news, MachineDetected) and news.source is MessageSource.BRIDGE:
            self._bridge_verdict = news.answered_by
        self.facts = add_news(self.facts, news)
        self._settle(now)

    def noted_status(self, status: CallStatus, now: datetime, *, sip_code: int | None = None, sid: str = "") -> None:
        """The carrier answered a question, or our own request, with a status."""
        self.facts = add_status(self.facts, status, sip_code=sip_code, call_sid=sid)
        self._settle(now)

    def noted_placed(self, call_sid: str, now: datetime) -> None:
        """The carrier has the call: the deadlines count from here."""
        self.facts = replace(self.facts, call_sid=self.facts.call_sid or call_sid)
        self._since = None
        self._settle(now)

    def noted_booked(self) -> None:
        """The booking update of this call returned an appointment."""
        self.facts = replace(self.facts, booked=True)

    # What the workflow did

    def noted_called_off(self) -> None:
        """Cancelling was tried. Where the call rang or was answered meanwhile, it goes on: a person may be there."""
        self._called_off = True
        self._called_off_ringing = self.facts.withdrawn_ringing

    def noted_hung_up(self, now: datetime) -> None:
        again, self._ending = self._ending, True
        self._settle(now)
        if again:
            self._noted_step(now)

    def noted_message(self, *, plays: bool, now: datetime) -> None:
        """The message was dropped (`plays`), or may not be played on this call."""
        self._message_tried = True
        self._message_plays = plays
        self._settle(now)

    def noted_asked(self, now: datetime) -> None:
        if self._may_be_with_a_person(now):
            self._looked_at = now
        else:
            self._noted_step(now)

    def noted_record_read(self) -> None:
        self._record_read = True

    # The decision

    def decide(self, now: datetime) -> Move:
        """The next move at `now`. Asking twice without news gives the same answer."""
        if self._since is None:
            self._settle(now)
        if self._phase is Phase.CLOSING:
            return self._closing(now)
        if self._is_to_be_called_off():
            return Move(MoveKind.CALL_OFF)
        if self._phase is Phase.GREETING:
            return self._with_machine(now)
        return self._await(now)

    def _is_to_be_called_off(self) -> bool:
        if self.facts.answered:
            return False
        if self.facts.withdrawn_ringing:
            return not self._called_off_ringing
        return self.facts.withdrawn and not self.facts.rang and not self._called_off

    def _with_machine(self, now: datetime) -> Move:
        assert self._machine_since is not None
        confirmed = self._machine_since + BRIDGE_CONFIRMS
        if now < confirmed and not self._is_surely_a_machine():
            return Move(MoveKind.WAIT, confirmed)
        if not self._may_leave_message():
            return Move(MoveKind.HANG_UP)
        cap = self._machine_since + GREETING_CAP
        if now >= cap or self._greeting_is_over():
            return Move(MoveKind.DROP_VOICEMAIL)
        return Move(MoveKind.WAIT, cap)

    def _closing(self, now: datetime) -> Move:
        if not self._word_is_missing() or self._record_read:
            return Move(MoveKind.FINISH)
        assert self._since is not None
        until = self._since + WORD_GRACE
        return Move(MoveKind.WAIT, until) if now < until else Move(MoveKind.READ_RECORD)

    def _await(self, now: datetime) -> Move:
        deadline = self._deadline()
        if now < deadline:
            return Move(MoveKind.WAIT, deadline)
        if self._may_be_with_a_person(now):
            return Move(MoveKind.ASK_CARRIER)
        if self._overdue_steps >= len(_OVERDUE):
            return Move(MoveKind.FINISH if self._record_read else MoveKind.READ_RECORD)
        return Move(_OVERDUE[self._overdue_steps])

    def _deadline(self) -> datetime:
        if self._last_step_at is not None:
            return self._last_step_at + ASK_AGAIN
        assert self._since is not None
        match self._phase:
            case Phase.RINGING:
                return self._since + timedelta(seconds=self.plan.ring_seconds) + RING_GRACE
            case Phase.TALKING if self._looked_at is not None:
                return min(self._looked_at + LOOK_AGAIN, self._end_of_talk(with_transfer=True))
            case Phase.TALKING:
                return self._end_of_talk()
            case Phase.MESSAGE:
                return self._since + MESSAGE_CAP
        return self._since + ENDING_GRACE

    def _end_of_talk(self, *, with_transfer: bool = False) -> datetime:
        assert self._since is not None
        longest = self.plan.max_call_seconds + (self.plan.max_transfer_seconds if with_transfer else 0)
        return self._since + timedelta(seconds=longest) + TALK_GRACE

    def _may_be_with_a_person(self, now: datetime) -> bool:
        """Longer than the agent's talk may be, and not yet longer than a transfer may be."""
        if self._phase is not Phase.TALKING:
            return False
        return self._end_of_talk() <= now < self._end_of_talk(with_transfer=True)

    # The phase

    def _settle(self, now: datetime) -> None:
        """Enter the phase that the facts ask for. Deadlines count from entering it."""
        if not self._machine_answered():
            self._machine_since = None
        elif self._machine_since is None:
            self._machine_since = now
        phase = self._phase_by_facts()
        if phase is not self._phase or self._since is None:
            self._phase, self._since = phase, now
            self._overdue_steps, self._last_step_at, self._looked_at = 0, None, None

    def _phase_by_facts(self) -> Phase:
        facts = self.facts
        if facts.is_over:
            return Phase.CLOSING
        if self._ending:
            return Phase.ENDING
        if self._message_plays:
            return Phase.MESSAGE  # dropping it ended the media stream, so the bridge has said "machine" by now
        if self._machine_answered() and (facts.word is None or self._machine_waits_for_message()):
            return Phase.GREETING
        if facts.word is not None:
            return Phase.ENDING
        return Phase.TALKING if facts.answered else Phase.RINGING

    def _noted_step(self, now: datetime) -> None:
        self._settle(now)
        self._overdue_steps += 1
        self._last_step_at = now

    def _machine_answered(self) -> bool:
        """The bridge's latest verdict outranks the carrier's: it heard the words."""
        if self._bridge_verdict not in {None, AnsweredBy.UNKNOWN}:
            assert self._bridge_verdict is not None
            return self._bridge_verdict.is_machine
        return any(verdict.is_machine for verdict in self.facts.carrier_verdicts)

    def _is_surely_a_machine(self) -> bool:
        """The bridge says so, or there was a tone that no person makes."""
        if self.facts.word is AttemptOutcome.MACHINE or self._bridge_verdict not in {None, AnsweredBy.UNKNOWN}:
            return True
        return bool(self.facts.carrier_verdicts & {AnsweredBy.MACHINE_END_BEEP, AnsweredBy.FAX})

    def _greeting_is_over(self) -> bool:
        return any(verdict.greeting_is_over for verdict in self.facts.carrier_verdicts | self.facts.bridge_verdicts)

    def _may_leave_message(self) -> bool:
        verdicts = self.facts.carrier_verdicts | self.facts.bridge_verdicts
        return self.plan.leaves_voicemail and not self._message_tried and AnsweredBy.FAX not in verdicts

    def _machine_waits_for_message(self) -> bool:
        return self.facts.word is AttemptOutcome.MACHINE and self._may_leave_message()

    def _word_is_missing(self) -> bool:
        """Somebody answered and nobody said how it went; or the message's end was not proven."""
        if self._message_plays:
            return not self.facts.voicemail_played
        if not self.facts.answered or self.facts.word is not None:
            return False
        return not (self._machine_answered() and self._ending)
