"""Mailboxes and call screening: machines that pick up in a person's place."""

from collections.abc import Sequence
from enum import Enum
from random import Random

from rehearsal.people.characters import Character
from rehearsal.people.party import Action, HangUp, Moment, Note, Say, Tone
from rehearsal.people.person import Person

GREETINGS = (
    "Hi, you have reached my voicemail. I can't take your call right now. Please leave a message after the tone.",
    "Your call has been forwarded to an automated voice messaging system. "
    "The person you are calling is not available. At the tone, please record your message.",
    "Hello, sorry I missed you. Leave your name and number after the beep and I will call you back.",
)
SCREENING_QUESTION = "Hi, if you record your name and reason for calling, I'll see if this person is available."
SCREENING_THANKS = "Thanks. Please stay on the line."

_GREETING_AFTER = 500  # ms from picking up to the greeting
_BEEP_AFTER = 400  # ms from the end of the greeting to the beep
_BEEP_HERTZ = 1000.0
_BEEP_MILLISECONDS = 400
_LONGEST_MESSAGE = 120_000  # ms
_SILENCE_ENDS_MESSAGE = 10_000  # ms
_REASON_GIVEN_AFTER = 1200  # ms of silence that end the caller's answer to the screening question
_SCREENING_WAITS = 12_000  # ms for that answer
_NOBODY_PICKS_UP_AFTER = (14_000, 20_000)  # ms on hold
_PERSON_PICKS_UP_AFTER = (3_000, 6_000)  # ms on hold


class _Stage(Enum):
    PICKING_UP = "picking up"
    GREETING = "greeting"
    BEEP = "beep"
    RECORDING = "recording"
    ON_HOLD = "on hold"
    PERSON = "person"
    GONE = "gone"


class Mailbox:
    """A voicemail box: greeting, beep, then it records what it hears."""

    def __init__(self, random: Random) -> None:
        self._greeting = random.choice(GREETINGS)
        self._stage = _Stage.PICKING_UP
        self._in_stage = 0
        self._quiet = 0
        self._before: list[str] = []
        self._message: list[str] = []

    def step(self, moment: Moment) -> Sequence[Action]:
        """Let a moment pass."""
        self._in_stage += moment.elapsed_milliseconds
        self._quiet = 0 if moment.agent_speaking else self._quiet + moment.elapsed_milliseconds
        heard = self._message if self._stage is _Stage.RECORDING else self._before
        heard.extend(word.text for word in moment.words)
        match self._stage:
            case _Stage.PICKING_UP if self._in_stage >= _GREETING_AFTER:
                self._enter(_Stage.GREETING)
                return [Say(self._greeting)]
            case _Stage.GREETING if moment.speaking:
                self._in_stage = 0
            case _Stage.GREETING if self._in_stage >= _BEEP_AFTER:
                self._enter(_Stage.BEEP)
                return [Tone(_BEEP_HERTZ, _BEEP_MILLISECONDS), Note("beep_started")]
            case _Stage.BEEP if self._in_stage > 20 and not moment.speaking:
                self._enter(_Stage.RECORDING)
                return [Note("beep_ended")]
            case _Stage.RECORDING if self._in_stage >= _LONGEST_MESSAGE or self._quiet >= _SILENCE_ENDS_MESSAGE:
                self._enter(_Stage.GONE)
                return [HangUp("the mailbox stopped recording")]
        return ()

    def line_ended(self) -> Sequence[Note]:
        """Notes what the mailbox kept, and separately what was said before it recorded."""
        self._stage = _Stage.GONE
        return [Note("voicemail", {"text": " ".join(self._message), "before_beep": " ".join(self._before)})]

    def _enter(self, stage: _Stage) -> None:
        self._stage = stage
        self._in_stage = 0
        self._quiet = 0


class CallScreening:
    """The screening of an iPhone: asks for name and reason, then puts the caller on hold."""

    def __init__(self, picks_up: bool, random: Random) -> None:
        self._random = random
        self._hold = random.randint(*(_PERSON_PICKS_UP_AFTER if picks_up else _NOBODY_PICKS_UP_AFTER))
        self._person = Person(Character.INTERESTED, random) if picks_up else None
        self._stage = _Stage.PICKING_UP
        self._in_stage = 0
        self._quiet = 0
        self._reason: list[str] = []
        self._on_hold: list[str] = []

    def step(self, moment: Moment) -> Sequence[Action]:
        """Let a moment pass."""
        if self._stage is _Stage.PERSON and self._person:
            return self._person.step(moment)
        self._in_stage += moment.elapsed_milliseconds
        self._quiet = 0 if moment.agent_speaking else self._quiet + moment.elapsed_milliseconds
        if self._stage is _Stage.ON_HOLD:
            self._on_hold.extend(word.text for word in moment.words)
        elif self._stage is _Stage.GREETING and not moment.speaking:  # what is said into the question is no answer
            self._reason.extend(word.text for word in moment.words)
        match self._stage:
            case _Stage.PICKING_UP if self._in_stage >= _GREETING_AFTER:
                self._enter(_Stage.GREETING)
                return [Say(SCREENING_QUESTION)]
            case _Stage.GREETING if moment.speaking:
                self._in_stage = 0
            case _Stage.GREETING if self._reason and self._quiet >= _REASON_GIVEN_AFTER:
                self._enter(_Stage.ON_HOLD)
                return [Note("screening_reason", {"text": " ".join(self._reason)}), Say(SCREENING_THANKS)]
            case _Stage.GREETING if self._in_stage >= _SCREENING_WAITS and self._quiet >= _SCREENING_WAITS:
                self._enter(_Stage.GONE)
                return [HangUp("no reason was given to the screening")]
            case _Stage.ON_HOLD if self._in_stage >= self._hold:
                return self._end_of_hold()
        return ()

    def line_ended(self) -> Sequence[Note]:
        """Notes what was said while on hold, where silence is wanted."""
        notes = [Note("said_on_hold", {"text": " ".join(self._on_hold)})] if self._on_hold else []
        if self._stage is _Stage.PERSON and self._person:
            notes.extend(self._person.line_ended())
        return notes

    def _end_of_hold(self) -> Sequence[Action]:
        if self._person is None:
            self._enter(_Stage.GONE)
            return [HangUp("nobody picked up after the screening")]
        self._enter(_Stage.PERSON)
        return [Note("person_picked_up")]

    def _enter(self, stage: _Stage) -> None:
        self._stage = stage
        self._in_stage = 0
        self._quiet = 0


def party_of(character: Character, random: Random) -> Mailbox | CallScreening | Person:
    """Whoever, or whatever, picks up for this character."""
    match character:
        case Character.VOICEMAIL:
            return Mailbox(random)
        case Character.SCREENED:
            return CallScreening(picks_up=False, random=random)
        case Character.SCREENED_PICKS_UP:
            return CallScreening(picks_up=True, random=random)
    return Person(character, random)
