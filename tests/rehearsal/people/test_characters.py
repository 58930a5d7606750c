"""Numbers have characters, and remember earlier calls."""

import pytest

from rehearsal.people.characters import Character, Memory, Pickup, character_of, receive


@pytest.mark.parametrize(
    ("number", "character"),
    [
        ("+13125550100", Character.INTERESTED),
        ("+13125550109", Character.INTERESTED),
        ("+13125550114", Character.OBJECTS),
        ("+13125550124", Character.DO_NOT_CALL),
        ("+13125550145", Character.VOICEMAIL),
        ("+13125550147", Character.SCREENED_PICKS_UP),
        ("+61491570006", Character.INTERESTED),
        ("+61491570110", Character.OBJECTS),
        ("+61491570156", Character.BUSY),
        ("+61491570157", Character.NOT_IN_SERVICE),
        ("+13125550199", Character.INTERESTED),
    ],
)
def test_the_last_two_digits_decide(number: str, character: Character) -> None:
    assert character_of(number) is character


@pytest.mark.parametrize(
    ("number", "memory", "pickup", "character"),
    [
        ("+13125550160", Memory(), Pickup.RINGS_OUT, Character.NO_ANSWER_FIRST),
        ("+13125550160", Memory(rung=1), Pickup.ANSWERS, Character.INTERESTED),
        ("+13125550165", Memory(), Pickup.ANSWERS, Character.VOICEMAIL),
        ("+13125550165", Memory(rung=1, answered=1), Pickup.ANSWERS, Character.INTERESTED),
        ("+13125550115", Memory(), Pickup.ANSWERS, Character.CALLBACK_SOON),
        ("+13125550115", Memory(rung=2, answered=1), Pickup.ANSWERS, Character.INTERESTED),
        ("+13125550170", Memory(rung=1, answered=0), Pickup.ANSWERS, Character.CALLBACK_TOMORROW),
        ("+13125550154", Memory(rung=5), Pickup.BUSY, Character.BUSY),
        ("+13125550157", Memory(), Pickup.NOT_IN_SERVICE, Character.NOT_IN_SERVICE),
        ("+13125550148", Memory(rung=5), Pickup.RINGS_OUT, Character.NO_ANSWER),
    ],
)
def test_a_line_takes_a_call_as_its_character_and_its_memory_say(
    number: str, memory: Memory, pickup: Pickup, character: Character
) -> None:
    reception = receive(number, memory)
    assert (reception.pickup, reception.character) == (pickup, character)
