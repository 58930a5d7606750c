"""The bridges that are measured, each as a process of its own on a core of its own."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import psutil

from bench.uploads import fictional_numbers
from bench.voice_bridge.figures import Usage
from cadenza.domain.audio_key import audio_key
from cadenza.domain.calling_hours import WeeklyHours
from cadenza.domain.identifiers import attempt_id as name_attempt
from cadenza.domain.identifiers import new_id
from cadenza.domain.policy import CampaignPolicy
from cadenza.domain.script import Script
from cadenza.domain.standard_lines import texts_to_render
from cadenza.domain.stream_token import sign_token
from cadenza.operations.processes import free_port
from cadenza.operations.rehearsal_environment import rehearsal_environment
from cadenza.records.audio import put_audio
from cadenza.records.database import Database
from cadenza.records.tables import Account, Attempt, Campaign, Lead
from cadenza.settings import Settings
from rehearsal.speech import SpeechStudio
from rehearsal.twilio.signature import sign

SCRIPT = Script(
    agent_company="Brightline Solar",
    purpose="We help small companies cut their power bill with rooftop solar.",
    opening="May I tell you how it works?",
    facts=("The first call is free.", "It takes about fifteen minutes."),
)
HOST = "127.0.0.1"
START_SECONDS = 90
_HERE = Path(__file__).parent


class NotStarted(Exception):
    """A bridge process does not come up; the message holds the end of its log."""


@dataclass
class Contender:
    """A bridge process: how it is started, and what a caller must send to be let in."""

    name: str
    command: list[str]
    port: int
    environment: Mapping[str, str] = field(default_factory=dict)
    path: str = "/media"

    def __post_init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, core: int | None, log: Path) -> None:
        """Start, on one core if one is named. Raises NotStarted with the end of the log if it does not come up."""
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                self.command, env={**os.environ, **self.environment}, stdout=out, stderr=subprocess.STDOUT
            )
        if core is not None:
            os.sched_setaffinity(self.process.pid, {core})
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex((HOST, self.port)) == 0:
                    return
            time.sleep(0.1)
        self.stop()
        raise NotStarted(f"{self.name} did not start:\n{log.read_text()[-2000:]}")

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def usage(self) -> Usage:
        """Processor time and memory of the process, threads included."""
        assert self.process is not None
        process = psutil.Process(self.process.pid)
        times = process.cpu_times()
        lines = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines()
        sizes = {line.split()[0].rstrip(":"): line.split()[1] for line in lines[1:]}
        return Usage(times.user + times.system, int(sizes["Rss"]) * 1024, int(sizes["Pss"]) * 1024)

    async def invitations(self, count: int) -> list[tuple[dict[str, str], dict[str, Any]]]:
        """For each of so many calls: the upgrade's headers and the `start` frame's body."""
        return [({}, _start({})) for _ in range(count)]


@dataclass
class CadenzaBridge(Contender):
    """`python -m voice_bridge`, with a database, and a Temporal server that knows none of the leads."""

    settings: Settings | None = None
    database: Database | None = None
    campaign_id: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._numbers = fictional_numbers()

    async def close(self) -> None:
        """Give the database's connections back."""
        if self.database is not None:
            await self.database.close()

    async def invitations(self, count: int) -> list[tuple[dict[str, str], dict[str, Any]]]:
        assert self.settings is not None and self.database is not None
        settings = self.settings
        headers = {
            "X-Twilio-Signature": sign(
                settings.twilio_auth_token.get_secret_value(), f"{settings.bridge_public_url}/media"
            )
        }
        attempts = []
        async with self.database.transaction() as session:
            for number in islice(self._numbers, count):
                lead_id = new_id("ld")
                attempt = name_attempt(lead_id, 1)
                phone = "+1" + "".join(digit for digit in number if digit.isdigit())
                session.add(
                    Lead(id=lead_id, campaign_id=self.campaign_id, phone=phone, zones=["America/New_York"],
                         first_name="Alex", company="Example Bakery")
                )  # fmt: skip
                await session.flush()
                session.add(
                    Attempt(
                        id=attempt, lead_id=lead_id, campaign_id=self.campaign_id, account_id="main", number=1,
                        phone=phone, from_number=settings.twilio_from_number, state="in_progress",
                        lease_until=datetime.now(UTC) + timedelta(minutes=1),
                    )
                )  # fmt: skip
                attempts.append(attempt)
        secret = settings.signing_secret.get_secret_value()
        expires = int(time.time()) + 3600
        return [
            (headers, _start({"attempt": name, "token": sign_token(secret, f"stream:{name}", expires)}))
            for name in attempts
        ]


def _start(parameters: dict[str, str]) -> dict[str, Any]:
    return {
        "streamSid": "MZ0",
        "accountSid": "AC0",
        "callSid": "CA0",
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": parameters,
    }


async def cadenza_bridge(folder: Path, database_url: str, temporal: str, vendors_port: int) -> CadenzaBridge:
    """The bridge with a campaign and its rendered lines in the database."""
    port = free_port()
    environment = rehearsal_environment(folder, bridge_port=port) | {
        "CADENZA_ENV_FILE": "",
        "DATABASE_URL": database_url,
        "TEMPORAL_ADDRESS": temporal,
        "BRIDGE_MAX_CALLS": "1000",
        "LOG_LEVEL": "WARNING",
        "ASSEMBLYAI_STREAMING_URL": f"ws://{HOST}:{vendors_port}",
        "OPENAI_BASE_URL": f"http://{HOST}:{vendors_port}/v1",
        "ELEVENLABS_BASE_URL": f"http://{HOST}:{vendors_port}",
    }
    settings = Settings.model_validate({name.lower(): value for name, value in environment.items() if value})
    database = Database(database_url)
    campaign_id = new_id("cmp")
    policy = CampaignPolicy.model_validate(
        {
            "calling_hours": WeeklyHours.always().model_dump(mode="json"),
            "wrap_up_seconds": 1500,
            "reprompt_seconds": 20,
            "max_call_seconds": 1800,
        }
    )
    studio = SpeechStudio()
    lines = texts_to_render(SCRIPT, first_name="Alex", company="Example Bakery", caller_id=settings.twilio_from_number)
    spoken = [(line, await asyncio.to_thread(studio.synthesize, line)) for line in lines]
    async with database.transaction() as session:
        session.add(Account(id="main", calls_per_second=10.0, max_lines=50, tokens=0.0))
        await session.flush()
        session.add(
            Campaign(id=campaign_id, account_id="main", name="Bench", state="running",
                     script=SCRIPT.model_dump(mode="json"), policy=policy.model_dump(mode="json"))
        )  # fmt: skip
        voice, model = settings.elevenlabs_voice_id, settings.elevenlabs_model
        for line, utterance in spoken:
            key = audio_key(voice, model, line)
            await put_audio(session, key=key, voice_id=voice, text=line, audio=bytes(utterance.audio))
    command = [sys.executable, "-m", "voice_bridge"]
    return CadenzaBridge(
        "Cadenza", command, port, environment, settings=settings, database=database, campaign_id=campaign_id
    )


def bare_bridge(python: str, library: str, vendors_port: int) -> Contender:
    """A bridge that only copies, on one of the two WebSocket libraries."""
    port = free_port()
    script = str(_HERE / f"bare_{library}.py")
    command = [python, script, str(port), f"ws://{HOST}:{vendors_port}/agent"]
    return Contender(f"bare {library}", command, port)


def pipecat_bot(python: str, set_up: str, vendors_port: int) -> Contender:
    """Pipecat, all calls in one process."""
    port = free_port()
    command = [python, str(_HERE / "pipecat_bot.py"), set_up, str(port), f"{HOST}:{vendors_port}"]
    return Contender(f"Pipecat {set_up}", command, port)
