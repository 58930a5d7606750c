"""For benches that watch calls of the whole system over the rehearsal world: its pace, and one campaign."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import phonenumbers

from cadenza.operations.chaos.patience import PatientApi
from cadenza.operations.chaos.under_test import UnderTest
from cadenza.operations.demo.demo_command import demo_campaign
from cadenza.settings import Settings

PATIENCE_SECONDS = 120.0
TALKERS = (0, 10, 29, 1, 75, 11, 2, 30, 3, 12, 76, 4, 18, 5, 13, 31, 6, 77, 7, 14, 78, 8, 9, 79)
"""Endings of numbers whose people talk: most book, some object, interrupt, ask whether it is a robot, one declines."""
REALISTIC_DELAYS: Mapping[str, Mapping[str, Any]] = {
    "twilio": {"network_seconds": 0.06},
    "assemblyai": {"shortest_turn_delay_seconds": 0.05, "longest_turn_delay_seconds": 0.15},
    "openai": {"shortest_first_token_seconds": 0.25, "longest_first_token_seconds": 0.45, "tokens_per_second": 60.0},
    "elevenlabs": {"extra_delay_seconds": 0.04},
    "microsoft": {"latency_seconds": 0.25},
}
"""What real vendors take, each within the usual range of a telephone call: the recogniser's final text 50 to 150 ms
after its own silence, the model's first token 250 to 450 ms, the voice's first byte 130 to 190 ms, 60 ms to the phone
and back from it, a calendar's request a quarter of a second."""
_CALENDAR_SECONDS = 0.25
CALLED = "Alex"
_AREAS = range(201, 990)


async def make_realistic(under_test: UnderTest) -> None:
    """Give the vendors of the running world these delays."""
    async with httpx.AsyncClient(base_url=under_test.control_url) as control:
        for vendor, changes in REALISTIC_DELAYS.items():
            (await control.post(f"/settings/{vendor}", json=dict(changes))).raise_for_status()
        order = {"vendor": "calendly", "effect": "delay", "seconds": _CALENDAR_SECONDS, "count": None}
        (await control.post("/faults", json=[order])).raise_for_status()


async def log_sound(under_test: UnderTest) -> None:
    """Have the carrier write down when each side of a line sounds."""
    async with httpx.AsyncClient(base_url=under_test.control_url) as control:
        (await control.post("/settings/twilio", json={"log_sound": True})).raise_for_status()


async def skipped_ticks(under_test: UnderTest) -> int:
    """Frames of 20 ms that the world itself was too late for: such a run says little."""
    async with httpx.AsyncClient(base_url=under_test.control_url) as control:
        return int((await control.get("/measures")).json()["twilio_skipped_ticks"])


async def start_talks(settings: Settings, name: str, leads: int, **policy: Any) -> str:
    """A campaign to people who talk, started; its id. Raises DidNotStart, ApiProblem."""
    api = PatientApi(settings, until=monotonic() + PATIENCE_SECONDS)
    body = demo_campaign(settings)
    body["name"] = name
    body["policy"] |= {"max_attempts": 1, "breakers": {"abandoned_share": 0, "abandoned_burst_share": 0}, **policy}
    campaign: str = (await api.post("/v1/campaigns", body))["id"]
    await api.upload(f"/v1/campaigns/{campaign}/leads", lead_file(settings.data_dir, list(islice(numbers(), leads))))
    await api.post(f"/v1/campaigns/{campaign}/start")
    return campaign


def numbers() -> Iterator[str]:
    """Fictional numbers of people who talk, all kinds mixed."""
    areas = [area for area in _AREAS if phonenumbers.is_valid_number(phonenumbers.parse(f"+1{area}5550100"))]
    for area in areas:
        for ending in TALKERS:
            yield f"+1{area}55501{ending:02d}"


def lead_file(folder: Path, phones: Sequence[str]) -> Path:
    """All called the same, so that one greeting is rendered for all."""
    path = folder / "talkers.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["First Name", "Last Name", "Phone", "Email"])
        writer.writerows([[CALLED, "Person", phone, f"person{phone[2:]}@example.com"] for phone in phones])
    return path
