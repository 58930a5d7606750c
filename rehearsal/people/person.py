"""A person on the phone: when to speak, to wait, to back off, to interrupt and to hang up.

States: picking up → listening ⇄ speaking → leaving. Words heard while listening make up the agent's turn; the
person answers 300 to 900 ms after the agent fell silent, like people do.
"""

from collections.abc import Sequence
from enum import Enum
from random import Random

from rehearsal.people.characters import Character
from rehearsal.people.minds import INTERRUPTION, Mind, Reply
from rehearsal.people.party import Action, HangUp, Heard, Moment, Note, Say, StopTalking
from rehearsal.people.understanding import Meaning, understand

_HELLO_AFTER = (300, 800)  # ms from picking up to the first word
_AGENT_WAS_FIRST = 400  # ms that the agent has talked by then, for the person to leave out its hello
_ANSWER_AFTER_QUESTION = (300, 700)  # ms of silence before a question is answered
_ANSWER_AFTER_STATEMENT = (700, 900)  # a little longer when nothing was asked: more may follow
_ANSWER_AFTER_HALF_SENTENCE = 1500  # ms: the agent stopped in mid-sentence, it will surely go on
_BACK_OFF_AFTER = 1000  # ms of both talking before the person gives way
_STILL_THERE_AFTER = 7000  # ms of silence before "are you still there?"
_GIVE_UP_AFTER = 3  # silences of that length before the person hangs up
_LEAVE_AFTER = 2000  # ms of silence after the farewells before the receiver goes down
_LEAVE_AT_MOST_AFTER = 9000  # ms: nobody listens to an agent for longer after having said goodbye
_SILENT_PERSON_STAYS = 45_000  # ms that somebody who says nothing stays on the line
_INTERRUPT_AFTER = 1800  # ms into the agent's turn


class _State(Enum):
    PICKING_UP = "picking up"
    LISTENING = "listening"
    SPEAKING = "speaking"
    LEAVING = "leaving"
    GONE = "gone"


# What outweighs an answer that was broken off: the agent has moved on to something that needs its own answer.
_NEEDS_A_FRESH_ANSWER = {
    Meaning.BOOKED,
    Meaning.OFFERS_TIMES,
    Meaning.ASKS_EMAIL,
    Meaning.ASKS_WHEN_TO_CALL,
    Meaning.PROMISES_CALLBACK,
    Meaning.GOODBYE,
}


class Person:
    """One person in one call."""

    def __init__(self, character: Character, random: Random) -> None:
        self._character = character
        self._random = random
        self._mind = Mind(character, random)
        self._state = _State.PICKING_UP
        self._elapsed = 0
        self._hello_at = random.randint(*_HELLO_AFTER)
        self._early_end = random.randint(1200, 1800)
        self._interruptions = {Character.INTERRUPTS: 1}.get(character, 0)
        self._turn: list[Heard] = []
        self._agent_talked = 0
        self._quiet = 0
        self._both = 0
        self._waits = 0
        self._patience = self._draw_patience(None)
        self._reply: Reply | None = None
        self._broken_off: Reply | None = None
        self._leaving_for = 0

    def step(self, moment: Moment) -> Sequence[Action]:
        """Let a moment pass."""
        if self._state is _State.GONE:
            return ()
        self._elapsed += moment.elapsed_milliseconds
        if moment.words:
            self._hear(moment.words)
        self._count(moment)
        if self._character is Character.SILENT:
            return self._stay_silent()
        if self._character is Character.HANGS_UP_EARLY and self._agent_talked >= self._early_end:
            return self._go("hung up early")
        match self._state:
            case _State.PICKING_UP:
                return self._pick_up()
            case _State.LISTENING:
                return self._listen()
            case _State.SPEAKING:
                return self._speak(moment)
            case _State.LEAVING:
                return self._leave(moment)
        return ()

    def line_ended(self) -> Sequence[Note]:
        """Writes down the part of a turn that was heard but not answered."""
        self._state = _State.GONE
        return self._close_turn()

    def _hear(self, words: Sequence[Heard]) -> None:
        self._turn.extend(words)
        if words[-1].ends_sentence:
            self._patience = self._draw_patience(understand(self._text()))
        else:
            self._patience = _ANSWER_AFTER_HALF_SENTENCE

    def _count(self, moment: Moment) -> None:
        if moment.agent_speaking:
            self._quiet = 0
            self._agent_talked += moment.elapsed_milliseconds
            self._waits = 0
        elif not moment.speaking:
            self._quiet += moment.elapsed_milliseconds
        both = moment.agent_speaking and moment.speaking
        self._both = self._both + moment.elapsed_milliseconds if both else 0

    def _draw_patience(self, meaning: Meaning | None) -> int:
        asked = meaning not in {None, Meaning.STATEMENT, Meaning.WAIT}
        return self._random.randint(*(_ANSWER_AFTER_QUESTION if asked else _ANSWER_AFTER_STATEMENT))

    def _pick_up(self) -> Sequence[Action]:
        if self._elapsed < self._hello_at:
            return ()
        if self._agent_talked >= _AGENT_WAS_FIRST:  # listen instead of talking into its greeting
            self._state = _State.LISTENING
            return ()
        return self._say(Reply(self._mind.manner.hello))

    def _listen(self) -> Sequence[Action]:
        if self._interruptions and self._turn and self._agent_talked >= _INTERRUPT_AFTER and not self._quiet:
            self._interruptions -= 1
            self._agent_talked = 0
            return [*self._close_turn(), *self._say(Reply(INTERRUPTION))]
        if self._turn and self._quiet >= self._patience:
            return self._answer()
        if self._quiet >= _STILL_THERE_AFTER:
            self._waits += 1
            self._quiet = 0
            if self._waits >= _GIVE_UP_AFTER:
                return self._go("nobody talked to them")
            return self._say(self._broken_off or Reply("Hello? Are you still there?"))
        return ()

    def _answer(self) -> Sequence[Action]:
        text = self._text()
        meaning = understand(text)
        notes = self._close_turn(meaning)
        if self._broken_off and meaning not in _NEEDS_A_FRESH_ANSWER:
            reply = self._broken_off
        elif meaning is Meaning.ASKS_AGAIN and self._reply is not None:
            reply = self._reply
        else:
            reply = self._mind.reply(meaning, text)
        self._broken_off = None
        self._agent_talked = 0
        if not reply.text:
            return notes
        return [*notes, *self._say(reply)]

    def _speak(self, moment: Moment) -> Sequence[Action]:
        if self._both >= _BACK_OFF_AFTER and self._reply and self._reply.text != INTERRUPTION:
            self._broken_off, self._reply = self._reply, None
            self._state = _State.LISTENING
            self._both = 0
            return [StopTalking(), Note("backed_off")]
        if moment.speaking:
            return ()
        leaving = bool(self._reply and self._reply.leave)
        self._state = _State.LEAVING if leaving else _State.LISTENING
        self._quiet = 0
        return ()

    def _leave(self, moment: Moment) -> Sequence[Action]:
        self._leaving_for += moment.elapsed_milliseconds
        if self._quiet >= _LEAVE_AFTER or self._leaving_for >= _LEAVE_AT_MOST_AFTER:
            assert self._reply is not None and self._reply.leave is not None
            return self._go(self._reply.leave)
        return ()

    def _stay_silent(self) -> Sequence[Action]:
        if self._elapsed >= _SILENT_PERSON_STAYS:
            return self._go("never said a word")
        return ()

    def _say(self, reply: Reply) -> Sequence[Action]:
        self._reply = reply
        self._state = _State.SPEAKING
        self._both = 0
        return [Say(reply.text)]

    def _go(self, reason: str) -> Sequence[Action]:
        self._state = _State.GONE
        return [*self._close_turn(), HangUp(reason)]

    def _close_turn(self, meaning: Meaning | None = None) -> list[Note]:
        text = self._text()
        self._turn.clear()
        if not text:
            return []
        meaning = meaning or understand(text)
        notes = [Note("heard", {"text": text, "meaning": meaning.name.lower()})]
        if meaning is Meaning.BOOKED:
            notes.append(Note("booking_heard", {"text": text}))
        return notes

    def _text(self) -> str:
        return " ".join(word.text for word in self._turn)
