"""Tries to break the two rules of turn-taking with any sequence of events: one utterance at a time, and an end."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cadenza.domain.standard_lines import Line
from voice_bridge import turn_events as events
from voice_bridge.turn_decisions import (
    CallOffConnection,
    Connect,
    Discard,
    DropSpeculation,
    EndCall,
    HandOver,
    Insert,
    ListenPatiently,
    Pause,
    ReportAnsweredBy,
    ReportOptOut,
    Resume,
    Speak,
    Speculate,
    Think,
)
from voice_bridge.turn_rules import State, TurnRules
from voice_bridge.turn_taking import TurnTaking

pytestmark = pytest.mark.no_cover  # many examples of lines that other tests cover: tracing takes four times as long

TEXTS = (
    "",
    "yeah",
    "Hello?",
    "Yes, speaking.",
    "what does it cost",
    "wait",
    "hold on a second",
    "are you a robot",
    "goodbye",
    "take me off your list",
    "please leave a message after the tone",
    "record your name and reason for calling",
    "please stay on the line",
    "no",
    "I would like Tuesday, please.",
    "it's two one two five",
    "a l e x at example dot com",
    "so may I look for a time that suits you",
)
RULES = TurnRules(wrap_up_ms=60_000, max_call_ms=120_000)

steps = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 90)),
    st.tuples(st.just("words"), st.sampled_from(TEXTS)),
    st.tuples(st.just("turn"), st.sampled_from(TEXTS)),
    st.tuples(st.just("paused"), st.sampled_from(TEXTS)),
    st.sampled_from(
        [
            ("voice", 0),
            ("quiet", 0),
            ("beep", 0),
            ("agent_starts", 0),
            ("agent_done", 0),
            ("agent_done_goodbye", 0),
            ("agent_done_asks", 0),
            ("agent_says", 0),
            ("reply_failed", 0),
            ("tool_started", 0),
            ("tool_finished", 0),
            ("end_requested", 0),
            ("connection_asked", 0),
            ("opted_out", 0),
            ("key", "9"),
            ("key", "5"),
            ("recogniser_lost", 0),
            ("drain", 0),
            ("disclosed", 0),
        ]
    ),
)


class Shell:
    """Keeps books as the real shell does, and checks each decision against them."""

    def __init__(self, start: events.Started) -> None:
        self.machine = TurnTaking(RULES)
        self.now = start.now_ms
        self.busy = False
        self.paused = False
        self.ended = False
        self.speculates = False
        self.patient = False
        self.opted_out = False
        self.connects = start.connects and start.resumed
        self.take(start)

    def take(self, event: events.Event) -> None:
        was_over = self.machine.state is State.ENDED
        for decision in self.machine.handle(event):
            assert not was_over, "a decision after the end"
            assert not self.ended, "a decision after the last one"
            self.check(decision)
        assert self.busy == self.machine.busy

    def check(self, decision: object) -> None:
        match decision:
            case Speak() | Think():
                assert not self.busy, "two utterances at once"
                self.busy, self.paused, self.speculates = True, False, False
            case Discard():
                assert self.busy, "nothing to discard"
                self.busy = self.paused = False
            case Pause():
                assert self.busy and not self.paused
                self.paused = True
            case Resume():
                assert self.busy and self.paused
                self.paused = False
            case Insert():
                assert self.busy
            case Speculate():
                assert not self.busy, "an answer ahead while the agent speaks"
                assert not self.speculates, "two answers ahead"
                self.speculates = True
            case DropSpeculation():
                assert self.speculates
                self.speculates = False
            case ListenPatiently(patiently):
                assert patiently is not self.patient, "the recogniser is told twice"
                self.patient = patiently
            case EndCall() | HandOver():
                self.ended = True
            case Connect():
                assert self.connects, "connected without having been asked to, or after it was called off"
                assert not self.busy, "connected in mid-sentence"
                assert not self.opted_out, "connected after an opt-out"
                self.ended = True
            case CallOffConnection():
                assert self.connects
                self.connects = False
            case ReportOptOut():
                self.opted_out = True

    def step(self, kind: str, value: object) -> None:
        now = self.now
        match kind:
            case "wait":
                assert isinstance(value, int)
                for _ in range(value):
                    self.now += 100
                    self.take(events.Tick(self.now))
            case "words":
                self.take(events.Words(now, str(value)))
            case "paused":
                self.take(events.Paused(now, str(value)))
            case "turn":
                said_before = self.machine.state
                self.take(events.TurnEnded(now, str(value)))
                deaf = {State.MACHINE, State.SCREENING, State.ENDED}
                if value == "take me off your list" and said_before not in deaf:
                    assert self.opted_out, "an opt-out was missed"
            case "voice":
                self.take(events.VoiceStarted(now))
            case "quiet":
                self.take(events.VoiceStopped(now))
            case "beep":
                self.take(events.Beep(now))
            case "agent_starts" if self.busy and not self.paused:
                self.take(events.AgentStarted(now))
                self.take(events.AgentAudio(now, now + 2000))
            case "agent_says" if self.busy:
                self.take(events.AgentSays(now, "I hear you. So may I look for a time that suits you?"))
            case "agent_done" | "agent_done_goodbye" | "agent_done_asks" if self.busy and not self.paused:
                self.busy = False
                self.take(events.AgentDone(now, kind == "agent_done_goodbye", kind == "agent_done_asks"))
            case "reply_failed" if self.busy and not self.paused:
                self.busy = False
                self.take(events.ReplyFailed(now))
            case "tool_started":
                self.take(events.ToolStarted(now))
            case "tool_finished":
                self.take(events.ToolFinished(now))
            case "end_requested":
                self.take(events.EndRequested(now))
            case "connection_asked":
                self.connects = self.connects or self.machine.state is not State.ENDED
                self.take(events.ConnectionAsked(now))
            case "key":
                said_before = self.machine.state
                self.take(events.KeyPressed(now, str(value)))
                if value == "9" and said_before is not State.ENDED:
                    assert self.opted_out, "the opt-out key was missed"
            case "opted_out":
                self.opted_out = True
                self.take(events.OptedOutByTool(now))
            case "recogniser_lost":
                self.take(events.RecogniserLost(now))
            case "drain":
                self.take(events.DrainAsked(now))
            case "disclosed":
                self.take(events.LineHeard(now, Line.DISCLOSURE))


starts = st.builds(
    events.Started,
    now_ms=st.just(1000),
    resumed=st.booleans(),
    disclosure_heard=st.booleans(),
    unanswered=st.sampled_from(["", "Tuesday works."]),
    missed_an_answer=st.booleans(),
    callee_turns=st.integers(0, 5),
    machine=st.booleans(),
    screening=st.booleans(),
    elapsed_ms=st.integers(0, 130_000),
    connects=st.booleans(),
    after_connection=st.sampled_from([None, Line.NOT_CONNECTED_CALLBACK]),
)


@settings(max_examples=1500, deadline=None)
@given(start=starts, sequence=st.lists(steps, max_size=60))
def test_one_utterance_at_a_time_and_always_an_end(start: events.Started, sequence: list[tuple[str, object]]) -> None:
    shell = Shell(start)
    for kind, value in sequence:
        shell.step(kind, value)
    for _ in range(1300):  # 130 s: more than the longest call
        shell.now += 100
        shell.take(events.Tick(shell.now))
    assert shell.machine.state is State.ENDED
    assert shell.ended


@settings(max_examples=300, deadline=None)
@given(sequence=st.lists(steps, max_size=40))
def test_a_hang_up_ends_it_from_anywhere(sequence: list[tuple[str, object]]) -> None:
    shell = Shell(events.Started(1000))
    for kind, value in sequence:
        shell.step(kind, value)
    shell.busy = False
    shell.machine.handle(events.HungUp(shell.now))
    assert shell.machine.state is State.ENDED
    assert shell.machine.handle(events.TurnEnded(shell.now, "Hello?")) == []


@settings(max_examples=300, deadline=None)
@given(sequence=st.lists(steps, max_size=40))
def test_the_agent_is_silent_with_a_machine(sequence: list[tuple[str, object]]) -> None:
    machine = TurnTaking(RULES)
    machine.handle(events.Started(1000))
    machine.handle(events.Words(1500, "please leave a message after the tone"))
    assert machine.state is State.MACHINE
    shell = Shell(events.Started(1000))
    shell.machine, shell.busy, shell.now = machine, False, 1500
    shell.check = _refuse_speech  # type: ignore[method-assign]
    for kind, value in sequence:
        if kind in {"wait", "words", "turn", "voice", "quiet", "beep", "recogniser_lost"}:
            shell.step(kind, value)


def _refuse_speech(decision: object) -> None:
    assert not isinstance(decision, Speak | Think | Resume)
    assert not isinstance(decision, ReportAnsweredBy) or decision.answered_by.is_machine
