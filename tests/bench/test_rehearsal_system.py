"""Whom the benches of whole calls ring, and how slow their vendors are."""

from itertools import islice
from pathlib import Path

import phonenumbers
import pytest
from pydantic import BaseModel

from bench.rehearsal_system import REALISTIC_DELAYS, TALKERS, lead_file, numbers
from rehearsal.assemblyai.behaviour import AssemblyAiBehaviour
from rehearsal.elevenlabs.behaviour import ElevenLabsBehaviour
from rehearsal.microsoft.behaviour import MicrosoftBehaviour
from rehearsal.openai.behaviour import OpenAiBehaviour
from rehearsal.people.characters import Character, character_of
from rehearsal.twilio.behaviour import TwilioBehaviour

BEHAVIOURS: dict[str, type[BaseModel]] = {
    "twilio": TwilioBehaviour,
    "assemblyai": AssemblyAiBehaviour,
    "openai": OpenAiBehaviour,
    "elevenlabs": ElevenLabsBehaviour,
    "microsoft": MicrosoftBehaviour,
}


def test_everybody_is_fictional_and_talks() -> None:
    phones = list(islice(numbers(), 900))
    assert len(set(phones)) == 900
    assert all(phone[5:10] == "55501" for phone in phones)
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(phone)) for phone in phones)
    silent = {Character.SILENT, Character.VOICEMAIL, Character.NO_ANSWER, Character.BUSY, Character.NOT_IN_SERVICE}
    assert not {character_of(phone) for phone in phones[: len(TALKERS)]} & silent


def test_the_lead_file_has_one_address_for_each(tmp_path: Path) -> None:
    rows = lead_file(tmp_path, list(islice(numbers(), 50))).read_text().splitlines()
    assert len({row.split(",")[3] for row in rows[1:]}) == 50


@pytest.mark.parametrize("vendor", REALISTIC_DELAYS)
def test_every_emulator_knows_the_delays_that_it_is_given(vendor: str) -> None:
    usual = BEHAVIOURS[vendor]().model_dump()
    slow = BEHAVIOURS[vendor].model_validate({**usual, **REALISTIC_DELAYS[vendor]}).model_dump()
    assert slow != usual
