"""Each call as it really went, by the carrier's own log: who sounded when, what was heard, what broke. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from cadenza.domain.phrases import is_goodbye, plain

_SENTENCE = re.compile(r"[^.!?]+[.!?]+")


def sentences_of(text: str) -> list[str]:
    """The whole sentences of a text, each as plain words."""
    return [plain(found) for found in _SENTENCE.findall(text)]


class Phase(StrEnum):
    """Where a call was when its bridge died."""

    GREETING = "greeting and disclosure"
    CALLEE_TALKS = "the callee talks"
    THINKING = "the agent thinks"
    AGENT_TALKS = "the agent talks"
    TOOL = "a tool runs"
    BOOKING = "a booking is in flight"
    FAREWELL = "farewell"
    QUIET = "nobody talks"


@dataclass(slots=True)
class Stretch:
    """Sound of one side, from its first frame to its last; `ended` is None while it lasts."""

    began: datetime
    ended: datetime | None = None
    words: str = ""

    def covers(self, at: datetime) -> bool:
        return self.began <= at and (self.ended is None or at < self.ended)


@dataclass(slots=True)
class Stream:
    """One media stream of a call."""

    began: datetime
    ended: datetime | None = None
    broke: bool = False


@dataclass(slots=True)
class Story:
    """One answered call."""

    sid: str
    agent: list[Stretch] = field(default_factory=list)
    callee: list[Stretch] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    goodbyes: list[datetime] = field(default_factory=list)
    """When either side took leave."""
    ended: datetime | None = None
    ended_by: str = ""

    def phase(self, at: datetime, *, tool: str | None = None, disclosure_heard: bool = True) -> Phase:
        """Where it was. `tool`: one that ran then, as the journal had it."""
        if tool == "book_appointment":
            return Phase.BOOKING
        if tool is not None:
            return Phase.TOOL
        agent = next((one for one in self.agent if one.covers(at)), None)
        if any(moment <= at for moment in self.goodbyes) or (agent is not None and is_goodbye(agent.words)):
            return Phase.FAREWELL
        if not disclosure_heard:
            return Phase.GREETING
        if agent is not None:
            return Phase.AGENT_TALKS
        if any(one.covers(at) for one in self.callee):
            return Phase.CALLEE_TALKS
        last_callee = max((one.began for one in self.callee if one.began <= at), default=None)
        last_agent = max((one.began for one in self.agent if one.began <= at), default=None)
        if last_callee is not None and (last_agent is None or last_callee > last_agent):
            return Phase.THINKING
        return Phase.QUIET

    def broken_stream(self, after: datetime, within: timedelta) -> Stream | None:
        """The stream that broke right after this moment, if it was up then."""
        for stream in self.streams:
            if stream.broke and stream.ended and stream.began <= after <= stream.ended <= after + within:
                return stream
        return None

    def next_stream(self, after: datetime) -> Stream | None:
        return next((stream for stream in self.streams if stream.began >= after), None)

    def next_sound(self, after: datetime) -> datetime | None:
        """The agent's first frame on a later stream."""
        stream = self.next_stream(after)
        return next((one.began for one in self.agent if stream and one.began >= stream.began), None)

    def callee_talks_between(self, since: datetime, until: datetime) -> bool:
        return any(one.began < until and (one.ended is None or one.ended > since) for one in self.callee)

    def waits_for_replies(self) -> Iterator[float]:
        """Seconds from the end of each stretch of the callee's to the agent's next sound, where nobody interrupted and
        the callee said nothing more."""
        for place, said in enumerate(self.callee):
            if said.ended is None or any(one.covers(said.ended) for one in self.agent):
                continue
            answer = next((one.began for one in self.agent if one.began >= said.ended), None)
            following = self.callee[place + 1].began if place + 1 < len(self.callee) else None
            if answer is not None and (following is None or answer < following):
                yield (answer - said.ended).total_seconds()

    def sentences(self, since: datetime | None = None, until: datetime | None = None) -> list[str]:
        """Whole sentences that the callee heard, as plain words. What a broken stream cut off is none."""
        said: list[str] = []
        for _, stretches in self._by_stream():
            text = " ".join(
                one.words
                for one in stretches
                if (since is None or one.began >= since) and (until is None or one.began < until)
            )
            said += sentences_of(text)
        return said

    def _by_stream(self) -> Iterator[tuple[Stream, list[Stretch]]]:
        for stream in self.streams:
            yield (
                stream,
                [
                    one
                    for one in self.agent
                    if stream.began <= one.began and (stream.ended is None or one.began <= stream.ended)
                ],
            )


class Stories:
    """All calls, fed with the log's entries in order."""

    def __init__(self) -> None:
        self.by_sid: dict[str, Story] = {}
        self.bookings: dict[str, int] = {}
        """Appointments that stand, by their reference: the calendar's own count."""

    def feed(self, entries: Iterable[Mapping[str, Any]]) -> None:
        for entry in entries:
            if entry["kind"] in {"booking_made", "booking_cancelled"}:
                who = str(entry.get("invitee_email"))
                self.bookings[who] = self.bookings.get(who, 0) + (1 if entry["kind"] == "booking_made" else -1)
            elif "call_sid" in entry:
                self._feed_call(entry)

    @property
    def live(self) -> list[Story]:
        """Calls with an open stream."""
        return [
            story
            for story in self.by_sid.values()
            if story.ended is None and story.streams and story.streams[-1].ended is None
        ]

    def _feed_call(self, entry: Mapping[str, Any]) -> None:
        at = datetime.fromisoformat(entry["at"])
        kind = entry["kind"]
        if kind == "answered":
            self.by_sid[entry["call_sid"]] = Story(entry["call_sid"])
            return
        story = self.by_sid.get(entry["call_sid"])
        if story is None:
            return
        match kind:
            case "stream_started":
                story.streams.append(Stream(at))
            case "stream_ended" if story.streams:
                story.streams[-1].ended = at
                story.streams[-1].broke = entry["why"] == "server_broke"
            case "agent_sounds":
                story.agent.append(Stretch(at))
            case "callee_sounds":
                story.callee.append(Stretch(at))
            case "agent_paused" | "callee_paused":
                side = story.agent if kind == "agent_paused" else story.callee
                side[-1].ended = at - timedelta(milliseconds=entry["silent"])
                side[-1].words = entry["words"]
                if kind == "agent_paused" and is_goodbye(entry["words"]):
                    story.goodbyes.append(side[-1].ended)
            case "said" if is_goodbye(entry["text"]):
                story.goodbyes.append(at)
            case "ended":
                story.ended, story.ended_by = at, str(entry.get("by"))
