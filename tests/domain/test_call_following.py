"""The next move, at every place a call can be. Time is an argument: nothing here waits."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.domain.call_following import (
    ASK_AGAIN,
    BRIDGE_CONFIRMS,
    ENDING_GRACE,
    GREETING_CAP,
    LOOK_AGAIN,
    MESSAGE_CAP,
    RING_GRACE,
    TALK_GRACE,
    WORD_GRACE,
    CallFollowing,
    MoveKind,
    Phase,
)
from cadenza.domain.messages import AttemptAdmitted
from cadenza.domain.outcomes import AnsweredBy, AttemptOutcome, CallStatus, MessageSource
from tests.domain.test_call_result import NEWS, PLAYED, WITHDRAWN, CallNews, ended, status, verdict

START = datetime(2026, 12, 1, 12, tzinfo=UTC)
BRIDGE = MessageSource.BRIDGE
SECOND = timedelta(seconds=1)


class Line:
    """A followed call with a clock in the hand."""

    def __init__(self, *, leaves_voicemail: bool = False, max_transfer_seconds: int = 0) -> None:
        self.now = START
        self.following = CallFollowing(
            AttemptAdmitted(
                attempt_id="a-1", number=1, leaves_voicemail=leaves_voicemail, ring_seconds=25, max_call_seconds=600,
                max_transfer_seconds=max_transfer_seconds,
            )
        )  # fmt: skip
        self.following.noted_placed("CA1", self.now)

    def hear(self, *news: CallNews) -> "Line":
        for one in news:
            self.following.note(one, self.now)
        return self

    def after(self, time: timedelta) -> "Line":
        self.now += time
        return self

    @property
    def move(self) -> MoveKind:
        return self.following.decide(self.now).kind

    @property
    def until(self) -> timedelta:
        until = self.following.decide(self.now).until
        assert until is not None
        return until - START

    @property
    def phase(self) -> Phase:
        return self.following.phase

    def act(self, answer: CallStatus | None = None) -> MoveKind:
        """Carry out the move as the workflow does; returns which it was."""
        kind = self.move
        match kind:
            case MoveKind.WAIT:
                until = self.following.decide(self.now).until
                assert until is not None
                self.now = until
            case MoveKind.CALL_OFF:
                self.following.noted_called_off()
            case MoveKind.HANG_UP:
                self.following.noted_hung_up(self.now)
            case MoveKind.ASK_CARRIER:
                self.following.noted_asked(self.now)
            case MoveKind.DROP_VOICEMAIL:
                self.following.noted_message(plays=True, now=self.now)
            case MoveKind.READ_RECORD:
                self.following.noted_record_read()
        if answer is not None:
            self.following.noted_status(answer, self.now)
        return kind


def test_a_ringing_call_is_waited_for_a_little_longer_than_it_may_ring() -> None:
    line = Line()
    assert (line.phase, line.until) == (Phase.RINGING, timedelta(seconds=25) + RING_GRACE)


def test_an_answer_moves_the_deadline_to_the_longest_talk() -> None:
    line = Line().after(5 * SECOND).hear(status(CallStatus.IN_PROGRESS))
    assert (line.phase, line.until) == (Phase.TALKING, timedelta(seconds=605) + TALK_GRACE)


def test_news_that_change_nothing_do_not_move_the_deadline() -> None:
    line = Line()
    before = line.until
    assert line.after(10 * SECOND).hear(status(CallStatus.RINGING), status(CallStatus.RINGING)).until == before


def test_a_call_nobody_speaks_of_is_asked_about_then_ended_then_given_up() -> None:
    line = Line()
    moves = []
    while (move := line.act()) is not MoveKind.FINISH:
        moves.append(move)
        assert len(moves) < 30
    acts = [move for move in moves if move is not MoveKind.WAIT]
    assert acts[:2] == [MoveKind.ASK_CARRIER, MoveKind.HANG_UP]
    assert acts[-1] is MoveKind.READ_RECORD
    assert line.now - START < timedelta(minutes=5)


def test_the_carrier_s_answer_that_somebody_talks_starts_a_new_deadline() -> None:
    line = Line().after(timedelta(seconds=56))
    assert line.act(answer=CallStatus.IN_PROGRESS) is MoveKind.ASK_CARRIER
    assert line.phase is Phase.TALKING
    assert line.until == timedelta(seconds=656) + TALK_GRACE


def test_a_machine_is_hung_up_on_where_no_message_is_left() -> None:
    line = Line().hear(verdict(AnsweredBy.MACHINE_START, BRIDGE))
    assert line.act() is MoveKind.HANG_UP
    assert line.phase is Phase.ENDING
    assert line.until == ENDING_GRACE
    line.hear(status(CallStatus.COMPLETED))
    assert line.move is MoveKind.FINISH, "nobody's word is waited for"


def test_the_carrier_s_verdict_alone_ends_no_call_before_the_bridge_had_time_to_hear_the_words() -> None:
    line = Line().hear(verdict(AnsweredBy.MACHINE_START))
    assert (line.move, line.until) == (MoveKind.WAIT, BRIDGE_CONFIRMS)
    assert line.after(BRIDGE_CONFIRMS).move is MoveKind.HANG_UP


@pytest.mark.parametrize("leaves_voicemail", [True, False])
@pytest.mark.parametrize("carrier", [AnsweredBy.MACHINE_START, AnsweredBy.MACHINE_END_SILENCE])
def test_a_person_whom_the_carrier_takes_for_a_machine_is_neither_hung_up_on_nor_played_a_message(
    carrier: AnsweredBy, leaves_voicemail: bool
) -> None:
    line = Line(leaves_voicemail=leaves_voicemail).hear(verdict(carrier)).after(3 * SECOND)
    line.hear(verdict(AnsweredBy.HUMAN, BRIDGE))
    assert (line.phase, line.move) == (Phase.TALKING, MoveKind.WAIT)


def test_a_fax_gets_no_message() -> None:
    assert Line(leaves_voicemail=True).hear(verdict(AnsweredBy.FAX)).move is MoveKind.HANG_UP


@pytest.mark.parametrize("source", list(MessageSource))
def test_the_message_waits_for_the_end_of_the_greeting(source: MessageSource) -> None:
    line = Line(leaves_voicemail=True).hear(verdict(AnsweredBy.MACHINE_START, source))
    assert line.phase is Phase.GREETING
    line.after(BRIDGE_CONFIRMS)
    assert line.until == GREETING_CAP
    assert line.hear(verdict(AnsweredBy.MACHINE_END_BEEP, source)).move is MoveKind.DROP_VOICEMAIL


def test_a_greeting_whose_end_nobody_hears_is_taken_to_be_over() -> None:
    line = Line(leaves_voicemail=True).hear(verdict(AnsweredBy.MACHINE_START)).after(GREETING_CAP)
    assert line.move is MoveKind.DROP_VOICEMAIL


def test_the_bridge_s_word_on_a_machine_does_not_stop_the_message() -> None:
    line = Line(leaves_voicemail=True).hear(verdict(AnsweredBy.MACHINE_END_BEEP, BRIDGE))
    assert line.act() is MoveKind.DROP_VOICEMAIL
    line.hear(ended(AttemptOutcome.MACHINE))
    assert (line.phase, line.until) == (Phase.MESSAGE, MESSAGE_CAP)
    line.hear(PLAYED, status(CallStatus.COMPLETED))
    assert line.move is MoveKind.FINISH


def test_a_message_whose_end_was_not_proven_is_looked_up() -> None:
    line = Line(leaves_voicemail=True).hear(verdict(AnsweredBy.MACHINE_END_BEEP))
    line.act()
    line.hear(status(CallStatus.COMPLETED))
    assert line.until == WORD_GRACE
    assert line.after(WORD_GRACE).move is MoveKind.READ_RECORD


def test_a_person_after_all_is_left_to_the_bridge() -> None:
    line = Line(leaves_voicemail=True).hear(verdict(AnsweredBy.MACHINE_START), verdict(AnsweredBy.HUMAN, BRIDGE))
    assert line.phase is Phase.TALKING
    line.hear(verdict(AnsweredBy.MACHINE_END_SILENCE))
    assert line.move is MoveKind.WAIT, "the bridge heard the words, the carrier only sounds"


def test_a_machine_after_all_is_a_machine() -> None:
    line = Line().hear(verdict(AnsweredBy.HUMAN, BRIDGE), verdict(AnsweredBy.MACHINE_START, BRIDGE))
    assert line.move is MoveKind.HANG_UP


def test_a_screening_assistant_is_the_bridge_s_business() -> None:
    line = Line().hear(verdict(AnsweredBy.SCREENING, BRIDGE), verdict(AnsweredBy.MACHINE_START))
    assert (line.move, line.phase) == (MoveKind.WAIT, Phase.TALKING)


def test_a_call_is_called_off_only_before_it_rings() -> None:
    assert Line().hear(WITHDRAWN).move is MoveKind.CALL_OFF
    assert Line().hear(status(CallStatus.RINGING), WITHDRAWN).move is MoveKind.WAIT
    assert Line().hear(status(CallStatus.IN_PROGRESS), WITHDRAWN).move is MoveKind.WAIT


def test_calling_off_is_tried_once() -> None:
    line = Line().hear(WITHDRAWN)
    line.act()
    assert line.move is MoveKind.WAIT


def test_the_bridge_s_word_is_waited_for_after_an_answered_call() -> None:
    line = Line().hear(status(CallStatus.IN_PROGRESS), status(CallStatus.COMPLETED))
    assert (line.phase, line.until) == (Phase.CLOSING, WORD_GRACE)
    assert line.hear(ended(AttemptOutcome.INTERESTED)).move is MoveKind.FINISH


def test_a_call_that_nobody_answered_is_over_at_once() -> None:
    assert Line().hear(status(CallStatus.NO_ANSWER)).move is MoveKind.FINISH


def test_a_call_that_does_not_end_after_the_bridge_s_word_is_ended() -> None:
    line = Line().hear(status(CallStatus.IN_PROGRESS), ended(AttemptOutcome.INTERESTED)).after(ENDING_GRACE)
    assert line.act() is MoveKind.ASK_CARRIER
    assert line.after(ASK_AGAIN).act() is MoveKind.HANG_UP


@given(st.lists(st.tuples(NEWS, st.integers(0, 120)), max_size=12), st.booleans())
def test_every_call_comes_to_an_end_with_one_message_at_most(
    news: list[tuple[CallNews, int]], leaves_voicemail: bool
) -> None:
    line = Line(leaves_voicemail=leaves_voicemail)
    messages = 0
    for one, seconds in news:
        line.after(timedelta(seconds=seconds)).hear(one)
        if line.move is not MoveKind.WAIT:
            messages += line.act() is MoveKind.DROP_VOICEMAIL
    for _ in range(60):
        if line.move is MoveKind.FINISH:
            break
        messages += line.act() is MoveKind.DROP_VOICEMAIL
    assert line.move is MoveKind.FINISH
    assert messages <= leaves_voicemail
    assert line.now - START < timedelta(hours=1, minutes=10)


@given(st.lists(NEWS, max_size=8), st.integers(0, 2000))
def test_deciding_twice_gives_the_same(news: list[CallNews], seconds: int) -> None:
    line = Line(leaves_voicemail=True).hear(*news).after(timedelta(seconds=seconds))
    assert line.following.decide(line.now) == line.following.decide(line.now)


def test_a_call_that_may_be_with_a_person_is_asked_about_again_and_again_before_it_is_overdue() -> None:
    line = Line(max_transfer_seconds=900).hear(status(CallStatus.IN_PROGRESS))
    longest, looks = timedelta(seconds=1500) + TALK_GRACE, []
    while line.until < longest:
        line.now = START + line.until
        looks.append(line.now - START)
        assert line.move is MoveKind.ASK_CARRIER
        line.following.noted_status(CallStatus.IN_PROGRESS, line.now)
        line.following.noted_asked(line.now)
    assert looks == [
        timedelta(seconds=630),
        timedelta(seconds=630) + LOOK_AGAIN,
        timedelta(seconds=630) + 2 * LOOK_AGAIN,
    ]
    line.now = START + longest
    assert line.move is MoveKind.ASK_CARRIER
    line.following.noted_asked(line.now)
    assert line.after(ASK_AGAIN).move is MoveKind.HANG_UP


def test_a_lost_end_keeps_no_line_for_as_long_as_a_transfer_may_be() -> None:
    line = Line(max_transfer_seconds=900).hear(status(CallStatus.IN_PROGRESS)).after(timedelta(seconds=630))
    assert line.move is MoveKind.ASK_CARRIER
    line.following.noted_status(CallStatus.COMPLETED, line.now)
    line.following.noted_asked(line.now)
    assert line.following.phase is Phase.CLOSING
