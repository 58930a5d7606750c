"""Which character answers which number. The last two digits of a fictional number decide."""

from dataclasses import dataclass
from enum import Enum


class Character(Enum):
    """How whoever is behind a number behaves."""

    INTERESTED = "interested"
    OBJECTS = "objects"
    CALLBACK_SOON = "callback_soon"
    NOT_INTERESTED = "not_interested"
    DO_NOT_CALL = "do_not_call"
    WRONG_NUMBER = "wrong_number"
    GATEKEEPER = "gatekeeper"
    INTERRUPTS = "interrupts"
    SILENT = "silent"
    HANGS_UP_EARLY = "hangs_up_early"
    VOICEMAIL = "voicemail"
    SCREENED = "screened"
    SCREENED_PICKS_UP = "screened_picks_up"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    NOT_IN_SERVICE = "not_in_service"
    NO_ANSWER_FIRST = "no_answer_first"
    VOICEMAIL_FIRST = "voicemail_first"
    CALLBACK_TOMORROW = "callback_tomorrow"
    ASKS_ROBOT = "asks_robot"
    WANTS_A_PERSON = "wants_a_person"


_BY_ENDING: tuple[tuple[int, int, Character], ...] = (
    (0, 9, Character.INTERESTED),
    (10, 14, Character.OBJECTS),
    (15, 17, Character.CALLBACK_SOON),
    (18, 22, Character.NOT_INTERESTED),
    (23, 24, Character.DO_NOT_CALL),
    (25, 26, Character.WRONG_NUMBER),
    (27, 28, Character.GATEKEEPER),
    (29, 31, Character.INTERRUPTS),
    (32, 33, Character.SILENT),
    (34, 35, Character.HANGS_UP_EARLY),
    (36, 45, Character.VOICEMAIL),
    (46, 46, Character.SCREENED),
    (47, 47, Character.SCREENED_PICKS_UP),
    (48, 53, Character.NO_ANSWER),
    (54, 56, Character.BUSY),
    (57, 58, Character.NOT_IN_SERVICE),
    (60, 64, Character.NO_ANSWER_FIRST),
    (65, 69, Character.VOICEMAIL_FIRST),
    (70, 74, Character.CALLBACK_TOMORROW),
    (75, 79, Character.ASKS_ROBOT),
    (80, 84, Character.WANTS_A_PERSON),
)


def character_of(number: str) -> Character:
    """The character behind an E.164 number; interested when no range names it."""
    ending = int(number[-2:]) if number[-2:].isdigit() else 0
    for first, last, character in _BY_ENDING:
        if first <= ending <= last:
            return character
    return Character.INTERESTED


class Pickup(Enum):
    """What the called line does."""

    ANSWERS = "answers"
    RINGS_OUT = "rings_out"
    BUSY = "busy"
    NOT_IN_SERVICE = "not_in_service"


@dataclass(frozen=True, slots=True)
class Reception:
    """What one call to a number meets: whether it is picked up, and by which character."""

    pickup: Pickup
    character: Character


@dataclass(slots=True)
class Memory:
    """What the world remembers about a number between calls."""

    rung: int = 0
    answered: int = 0


def receive(number: str, memory: Memory) -> Reception:
    """How the line behind `number` takes a call, given the calls before this one (`memory` is not changed)."""
    character = character_of(number)
    match character:
        case Character.NO_ANSWER:
            return Reception(Pickup.RINGS_OUT, character)
        case Character.BUSY:
            return Reception(Pickup.BUSY, character)
        case Character.NOT_IN_SERVICE:
            return Reception(Pickup.NOT_IN_SERVICE, character)
        case Character.NO_ANSWER_FIRST if memory.rung == 0:
            return Reception(Pickup.RINGS_OUT, character)
        case Character.VOICEMAIL_FIRST if memory.rung == 0:
            return Reception(Pickup.ANSWERS, Character.VOICEMAIL)
        case Character.NO_ANSWER_FIRST | Character.VOICEMAIL_FIRST:
            return Reception(Pickup.ANSWERS, Character.INTERESTED)
        case Character.CALLBACK_SOON | Character.CALLBACK_TOMORROW if memory.answered > 0:
            return Reception(Pickup.ANSWERS, Character.INTERESTED)
    return Reception(Pickup.ANSWERS, character)
