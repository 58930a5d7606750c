"""An answered line, ticked by hand; and the clock that ticks all of them."""

import asyncio
from collections.abc import Sequence

from rehearsal.people.party import Action, HangUp, Moment, Note, Press, Say, StopTalking, Tone
from rehearsal.speech import SpeechStudio
from rehearsal.twilio.detection import Sound
from rehearsal.twilio.line import Clip, Line
from rehearsal.twilio.pacing import Pacer
from rehearsal.twilio.playback import SILENCE

STUDIO = SpeechStudio()


class Scripted:
    """Does what the script says at each step, and remembers what it noticed."""

    def __init__(self, *steps: Sequence[Action]) -> None:
        self.steps = list(steps)
        self.heard: list[str] = []
        self.busy: list[bool] = []

    def step(self, moment: Moment) -> Sequence[Action]:
        self.heard += [word.text for word in moment.words]
        self.busy.append(moment.speaking)
        return self.steps.pop(0) if self.steps else ()

    def line_ended(self) -> Sequence[Note]:
        return [Note("last")]


class Listener:
    def __init__(self) -> None:
        self.sounds: list[Sound] = []
        self.digits = ""

    def hear(self, frame: bytes, sound: Sound) -> None:
        self.sounds.append(sound)

    def digit(self, digit: str) -> None:
        self.digits += digit


def line_with(party: Scripted) -> tuple[Line, Listener, list[str], list[str]]:
    ended: list[str] = []
    notes: list[str] = []
    line = Line(party, STUDIO, "person-1", hang_up=ended.append, note=lambda kind, _: notes.append(kind))
    listener = Listener()
    line.listeners.append(listener)
    return line, listener, ended, notes


async def tick_until_quiet(line: Line, listener: Listener) -> None:
    for _ in range(500):
        line.tick()
        await asyncio.sleep(0.001)
        if Sound.SPEECH in listener.sounds and listener.sounds[-5:] == [Sound.SILENCE] * 5:
            return


async def test_keys_tones_and_speech_reach_the_listeners() -> None:
    party = Scripted([Press("12#")], [Tone(1000, 100)], [], [], [], [], [], [], [Say("Hello?")])
    line, listener, _, notes = line_with(party)
    await tick_until_quiet(line, listener)
    assert listener.digits == "12#"
    assert listener.sounds.count(Sound.TONE) == 5
    assert Sound.SPEECH in listener.sounds
    assert notes == ["pressed", "said"]
    assert party.busy[9] and not party.busy[0]
    line.close()
    assert notes[-1] == "last"


async def test_one_who_stops_talking_is_silent_at_once() -> None:
    line, listener, _, _ = line_with(Scripted([Say("I have a lot to tell you about this.")]))
    while Sound.SPEECH not in listener.sounds:
        line.tick()
        await asyncio.sleep(0.001)
    line._party.steps.append([StopTalking()])  # type: ignore[attr-defined]
    before = len(listener.sounds)
    for _ in range(10):
        line.tick()
    assert set(listener.sounds[before:]) == {Sound.SILENCE}


async def test_the_receiver_goes_down_after_the_last_words() -> None:
    line, listener, ended, _ = line_with(Scripted([Say("Goodbye."), HangUp("done")]))
    line.tick()
    assert ended == []
    await tick_until_quiet(line, listener)
    assert ended and set(ended) == {"done"}
    assert Sound.SPEECH in listener.sounds


async def test_what_is_played_is_heard_and_a_clip_ends_once() -> None:
    party = Scripted()
    line, _, _, _ = line_with(party)
    finished: list[bool] = []
    spoken = STUDIO.synthesize("Good morning to you.")
    line.source = Clip(spoken.audio, lambda: finished.append(True))
    for _ in range(len(spoken.audio) // len(SILENCE) + 20):
        line.tick()
    assert party.heard == ["Good", "morning", "to", "you."]
    assert finished == [True]


class Member:
    def __init__(self, fails: bool = False) -> None:
        self.ticks = 0
        self.fails = fails
        self.told = False

    def tick(self) -> None:
        self.ticks += 1
        if self.fails:
            raise ValueError("broken")

    def failed(self) -> None:
        self.told = True


async def test_the_clock_ticks_fifty_times_a_second_and_survives_a_broken_member() -> None:
    pacer, good, bad = Pacer(), Member(), Member(fails=True)
    pacer.add(good)
    pacer.add(bad)
    await asyncio.sleep(1.0)
    assert 45 <= good.ticks <= 53
    assert (bad.ticks, bad.told, len(pacer)) == (1, True, 1)
    pacer.remove(good)
    await asyncio.sleep(0.05)
    assert 45 <= good.ticks <= 54
    pacer.add(good)  # it starts again after having had nobody
    await asyncio.sleep(0.1)
    assert good.ticks > 47
    await pacer.stop()
