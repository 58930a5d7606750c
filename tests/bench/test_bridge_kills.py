"""What the bench of killed bridges reads from the carrier's log, and how it judges."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bench.bridge_kills.stories import Phase, Stories
from bench.bridge_kills.verdict import CallAtDeath, Death, Fate, Result, Survivor, judge
from bench.truth_file import TruthFile

NOON = datetime(2030, 1, 2, 12, tzinfo=UTC)
DISCLOSURE = "Hello, this is Ava. You are recorded."
BACK = "Sorry, the line dropped for a moment. I'm back."


class Log:
    """The carrier's log of one call, by seconds from its answer."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.note(0, "answered")
        self.note(0.1, "stream_started")

    def note(self, at: float, kind: str, **facts: Any) -> None:
        self.entries.append({"kind": kind, "at": when(at).isoformat(), "call_sid": "CA1", **facts})

    def sound(self, side: str, began: float, ended: float, words: str = "") -> None:
        self.note(began, f"{side}_sounds")
        self.note(ended + 0.3, f"{side}_paused", silent=300, milliseconds=0, words=words)

    def breaks(self, at: float, again: float | None) -> None:
        self.note(at, "stream_ended", why="server_broke")
        if again is not None:
            self.note(again, "stream_started")

    def told(self) -> Stories:
        stories = Stories()
        stories.feed(self.entries)
        return stories


def when(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def talk() -> Log:
    """Greeting until 4, an answer from 5 to 6, a reply from 7 to 9; its bridge dies at 10."""
    log = Log()
    log.sound("agent", 1, 4, "Hello, this is Ava. Are you Alex?")
    log.sound("callee", 5, 6)
    log.sound("agent", 7, 9, "I call about the sun. It is free.")
    return log


def death(at: float, tool: str | None = None, *, disclosure_heard: bool = True) -> Death:
    return Death(when(at), {"CA1": CallAtDeath(tool, disclosure_heard)})


def verdict(log: Log, *deaths: Death) -> Result:
    return judge(log.told(), deaths, [BACK], DISCLOSURE, [])


@pytest.mark.parametrize(
    ("at", "known", "phase"),
    [
        (2.0, {"disclosure_heard": False}, Phase.GREETING),
        (2.0, {}, Phase.AGENT_TALKS),
        (5.5, {}, Phase.CALLEE_TALKS),
        (6.5, {}, Phase.THINKING),
        (8.0, {}, Phase.AGENT_TALKS),
        (9.5, {}, Phase.QUIET),
        (6.5, {"tool": "offer_slots"}, Phase.TOOL),
        (6.5, {"tool": "book_appointment"}, Phase.BOOKING),
    ],
)
def test_the_phase_is_what_sounded_and_what_the_journal_says(at: float, known: dict[str, Any], phase: Phase) -> None:
    assert talk().told().by_sid["CA1"].phase(when(at), **known) is phase


@pytest.mark.parametrize("side", ["agent", "callee"])
def test_after_a_goodbye_it_is_farewell(side: str) -> None:
    log = talk()
    if side == "agent":
        log.sound("agent", 11, 13, "Thank you. Goodbye.")
    else:
        log.note(11, "said", text="Okay, goodbye.")
    story = log.told().by_sid["CA1"]
    assert story.phase(when(10.5)) is Phase.QUIET
    assert story.phase(when(12)) is Phase.FAREWELL


def test_a_call_that_goes_on_is_continued_after_the_gap_that_was_heard() -> None:
    log = talk()
    log.breaks(10.1, 11.2)
    log.sound("agent", 11.6, 14, BACK)
    [survivor] = verdict(log, death(10)).survivors
    assert (survivor.fate, survivor.phase, survivor.said_twice) == (Fate.CONTINUED, Phase.QUIET, [])
    assert survivor.gap_seconds == pytest.approx(1.5)


def test_a_callee_who_talks_as_the_line_comes_back_is_listened_to_and_waits_for_nobody() -> None:
    log = talk()
    log.breaks(10.1, 11.2)
    log.sound("callee", 11.0, 13)
    log.sound("agent", 14, 16, "Of course.")
    [survivor] = verdict(log, death(10)).survivors
    assert survivor.gap_seconds == pytest.approx(1.1)


@pytest.mark.parametrize(
    ("by", "goodbye", "fate"),
    [("the callee", False, Fate.LEFT), ("us", False, Fate.LOST), ("the callee", True, Fate.OVER)],
)
def test_a_call_that_does_not_go_on(by: str, goodbye: bool, fate: Fate) -> None:
    log = talk()
    if goodbye:
        log.note(9.5, "said", text="Thanks, bye.")
    log.breaks(10.1, None)
    log.note(14, "ended", by=by)
    result = verdict(log, death(10))
    assert [one.fate for one in result.survivors] == [fate]
    assert result.continued_share == 0
    assert bool(result.in_talk) is not goodbye


def test_calls_of_another_bridge_and_streams_that_broke_long_after_are_not_counted() -> None:
    log = talk()
    log.breaks(15, 16)
    log.sound("agent", 17, 18, BACK)
    assert verdict(log, death(10)).survivors == []


def test_a_sentence_that_was_heard_whole_and_comes_again_is_said_twice() -> None:
    log = talk()
    log.breaks(10.1, 11.2)
    log.sound("agent", 11.6, 16, f"{BACK} It is free. Are you Alex?")
    log.sound("callee", 17, 18)
    log.sound("agent", 19, 21, "I call about the sun.")
    [survivor] = verdict(log, death(10)).survivors
    assert survivor.said_twice == ["it is free"]
    assert survivor.said_again_later == ["are you alex"], "an earlier question"


def test_a_model_may_come_back_to_what_it_said_later_in_the_call() -> None:
    log = talk()
    log.breaks(10.1, 11.2)
    log.sound("agent", 11.6, 16, BACK)
    log.sound("callee", 17, 18)
    log.sound("agent", 19, 21, "Are you Alex? I call about the sun.")
    [survivor] = verdict(log, death(10)).survivors
    assert (survivor.said_twice, survivor.said_again_later) == ([], ["are you alex"])


@pytest.mark.parametrize(("ends", "twice"), [(12.0, False), (14.0, True)], ids=["asked anew", "before it was asked"])
def test_a_callee_who_has_said_something_may_be_asked_again(ends: float, twice: bool) -> None:
    """What the callee said into the silence is half lost: the model asks once more."""
    log = talk()
    log.breaks(10.1, 11.2)
    log.sound("callee", 10.5, ends)
    log.sound("agent", 13, 16, "Pardon? It is free.")
    [survivor] = verdict(log, death(10)).survivors
    assert bool(survivor.said_twice) is twice


def test_a_sentence_that_the_death_cut_off_may_be_said_anew() -> None:
    log = talk()
    log.sound("agent", 9.8, 10.1, "Would you")
    log.breaks(10.1, 11.2)
    log.sound("agent", 11.6, 14, f"{BACK} Would you like to meet?")
    [survivor] = verdict(log, death(10)).survivors
    assert survivor.said_twice == []


@pytest.mark.parametrize(("heard", "twice"), [(False, False), (True, True)])
def test_a_disclosure_that_was_cut_off_is_said_again_whole(heard: bool, twice: bool) -> None:
    log = Log()
    log.sound("agent", 1, 4, "Hello, this is Ava. You are")
    log.breaks(4.1, 5.2)
    log.sound("agent", 5.6, 9, DISCLOSURE)
    [survivor] = verdict(log, death(4, disclosure_heard=heard)).survivors
    assert bool(survivor.said_twice) is twice


def test_two_deaths_of_one_call_are_two_survivals_and_the_bridging_sentence_may_come_with_each() -> None:
    log = talk()
    log.breaks(10.1, 11.2)
    log.sound("agent", 11.6, 14, BACK)
    log.breaks(20.1, 21.2)
    log.sound("agent", 22.1, 24, BACK)
    result = verdict(log, death(10), death(20))
    assert [one.fate for one in result.survivors] == [Fate.CONTINUED] * 2
    assert result.gap(1.0) == pytest.approx(2.0)
    assert all(not one.said_twice for one in result.survivors)
    assert result.failures == []


def test_a_booking_that_was_made_twice_and_not_cancelled_is_doubled() -> None:
    log = talk()
    for kind in ("booking_made", "booking_made", "booking_cancelled"):
        log.entries.append({"kind": kind, "at": when(9).isoformat(), "invitee_email": "a@example.com"})
    assert verdict(log).bookings_doubled == []
    log.entries.append({"kind": "booking_made", "at": when(9).isoformat(), "invitee_email": "a@example.com"})
    assert verdict(log).bookings_doubled == ["a@example.com"]


def test_every_missed_goal_is_named() -> None:
    lost = Survivor("CA1", NOON, Phase.TOOL, Fate.LOST, None)
    late = Survivor("CA2", NOON, Phase.QUIET, Fate.CONTINUED, 3.0, ["hello"])
    result = Result(1, [lost, late], ["offer_slots in a1"], ["b@example.com"])
    assert [failure.split()[0] for failure in result.failures] == ["only", "the", "said", "run", "booked"]
    assert Result(1, [Survivor("CA1", NOON, Phase.TOOL, Fate.CONTINUED, 1.0)]).failures == []


def test_what_a_person_waited_for_a_reply_is_counted_where_nobody_interrupted() -> None:
    log = talk()
    log.sound("callee", 10, 11)
    log.sound("callee", 12, 13)
    log.sound("agent", 14.5, 16)
    assert list(log.told().by_sid["CA1"].waits_for_replies()) == pytest.approx([1.0, 1.5])


def test_the_log_is_read_on_where_it_was_left_and_never_half(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    log = TruthFile(path)
    assert log.read() == []
    path.write_text(json.dumps({"kind": "one"}) + "\n" + '{"kind": ')
    assert [entry["kind"] for entry in log.read()] == ["one"]
    with path.open("a") as file:
        file.write('"two"}\n')
    assert [entry["kind"] for entry in log.read()] == ["two"]
