"""A whole call in one process: the rehearsal world's carrier, people and vendors, a real database, the real bridge.

Only the lead's workflow is a stand-in: it notes what it is told, and answers the two updates.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

import httpx
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cadenza.domain.audio_key import audio_key
from cadenza.domain.calling_hours import WeeklyHours
from cadenza.domain.identifiers import attempt_id as name_attempt
from cadenza.domain.identifiers import new_id
from cadenza.domain.messages import (
    BookAppointment,
    BookingResult,
    OfferedSlot,
    OfferSlots,
    SlotOffer,
    StopRecordingInput,
)
from cadenza.domain.policy import CampaignPolicy
from cadenza.domain.script import Objection, Script
from cadenza.domain.spoken import spoken_moment
from cadenza.domain.standard_lines import texts_to_render
from cadenza.domain.stream_token import sign_token
from cadenza.operations.rehearsal_environment import rehearsal_environment
from cadenza.records.audio import put_audio
from cadenza.records.call_tables import Turn
from cadenza.records.database import Database
from cadenza.records.tables import Account, Attempt, Campaign, Lead
from cadenza.settings import Settings
from cadenza.temporal.lead_client import LeadClient
from rehearsal.servers import AsgiServer
from rehearsal.world import World, build_emulator
from voice_bridge.server import BridgeServer
from voice_bridge.services import Services, build_services

Message = TypeVar("Message")
ZONE = "America/New_York"
SCRIPT = Script(
    agent_company="Brightline Solar",
    purpose="We help small companies cut their power bill with rooftop solar.",
    opening="Am I speaking with {first_name}?",
    facts=("The first call is free.", "It takes about fifteen minutes."),
    objections=(
        Objection(
            id="price",
            heard="too expensive, what does it cost, no budget",
            phrases=("too expensive", "what does it cost"),
            answer="I understand. The first call is free, and you will know the exact cost before you decide anything.",
        ),
        Objection(
            id="no_time",
            heard="no time, busy",
            phrases=("I am busy", "no time"),
            answer="That is why the call is only fifteen minutes long.",
        ),
    ),
)


@dataclass
class FakeLeads:
    """The lead's workflow, as far as the bridge can see it."""

    told: list[Any] = field(default_factory=list)
    updates: list[tuple[str, Any]] = field(default_factory=list)
    delay_seconds: float = 0.0
    booking_status: str = "booked"
    on_signal: Callable[[Any], Any] | None = None

    async def signal(self, campaign_id: str, lead_id: str, message: Any) -> bool:
        self.told.append(message)
        if self.on_signal is not None:
            await self.on_signal(message)
        return True

    async def stop_recording(self, attempt_id: str) -> None:
        self.told.append(StopRecordingInput(attempt_id=attempt_id))

    async def offer_slots(self, campaign_id: str, lead_id: str, update_id: str, message: OfferSlots) -> SlotOffer:
        self.updates.append((update_id, message))
        await asyncio.sleep(self.delay_seconds)
        day = (datetime.now(UTC) + timedelta(days=2)).replace(hour=15, minute=0, second=0, microsecond=0)
        slots = [
            OfferedSlot(token=f"s{number}", starts_at=at, spoken=spoken_moment(at, ZONE))
            for number, at in enumerate((day, day + timedelta(days=1, hours=3)), start=1)
        ]
        return SlotOffer(slots=slots)

    async def book_appointment(
        self, campaign_id: str, lead_id: str, update_id: str, message: BookAppointment
    ) -> BookingResult:
        self.updates.append((update_id, message))
        await asyncio.sleep(self.delay_seconds)
        if self.booking_status == "need_email" and not message.email:
            return BookingResult(status="need_email")
        return BookingResult(status="booked", spoken="Tuesday at three in the afternoon", rep_name="Dana Reyes")

    def of(self, kind: type[Message]) -> list[Message]:
        return [message for message in self.told if isinstance(message, kind)]


async def eventually(condition: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Wait until the condition holds; its value."""
    async with asyncio.timeout(seconds):
        while not (result := condition()):
            await asyncio.sleep(0.02)
        return result


@dataclass
class Rehearsed:
    """The running pieces."""

    settings: Settings
    world: World
    database: Database
    leads: FakeLeads
    services: Services
    bridge: BridgeServer
    web: AsgiServer
    campaign_id: str
    http: httpx.AsyncClient
    after_streams: list[str] = field(default_factory=list)
    ports: dict[str, int] = field(default_factory=dict)  # attempts whose streams go to another bridge

    @property
    def bridge_url(self) -> str:
        return f"ws://127.0.0.1:{self.bridge.port}"

    def connect_twiml(self, attempt_id: str, *, token: str | None = None) -> str:
        secret = self.settings.signing_secret.get_secret_value()
        token = token or sign_token(secret, f"stream:{attempt_id}", int(time.time()) + 60)
        url = f"ws://127.0.0.1:{self.ports.get(attempt_id, self.bridge.port)}"
        return (
            f'<Response><Connect><Stream url="{url}/media">'
            f'<Parameter name="attempt" value="{attempt_id}"/><Parameter name="token" value="{token}"/>'
            f'</Stream></Connect><Redirect method="POST">http://127.0.0.1:{self.web.port}/after-stream'
            f"?attempt={attempt_id}</Redirect></Response>"
        )

    async def after_stream(self, request: Request) -> Response:
        """What the API answers when our socket closed: go on, or hang up."""
        attempt_id = request.query_params["attempt"]
        self.after_streams.append(attempt_id)
        attempt = await self.attempt(attempt_id)
        over = attempt.conversation_over
        twiml = "<Response><Hangup/></Response>" if over else self.connect_twiml(attempt_id)
        return Response(twiml, media_type="text/xml")

    async def campaign_with(self, **policy: Any) -> str:
        """Another campaign, the same but for these settings of its policy: its id."""
        async with self.database.transaction() as session:
            same = (await session.get_one(Campaign, self.campaign_id)).model_dump()
            changed = {**same, "id": new_id("cmp"), "policy": {**same["policy"], **policy}}
            session.add(Campaign(**changed))
        return str(changed["id"])

    async def lead(self, ending: str, **fields: Any) -> str:
        """A lead whose number ends in these two digits, with an attempt that was just answered: its id."""
        lead_id = new_id("ld")
        attempt_id = name_attempt(lead_id, 1)
        phone = f"+1212555{fields.pop('line', '01')}{ending}"
        campaign_id = fields.pop("campaign_id", self.campaign_id)
        async with self.database.transaction() as session:
            session.add(
                Lead(
                    id=lead_id,
                    campaign_id=campaign_id,
                    phone=phone,
                    zones=[ZONE],
                    **{"first_name": "Alex", "company": "Example Bakery", **fields},
                )
            )
            await session.flush()
            session.add(
                Attempt(
                    id=attempt_id,
                    lead_id=lead_id,
                    campaign_id=campaign_id,
                    account_id="main",
                    number=1,
                    phone=phone,
                    from_number=self.settings.twilio_from_number,
                    state="in_progress",
                    lease_until=datetime.now(UTC) + timedelta(minutes=1),
                )
            )
        return attempt_id

    async def render(self) -> None:
        """Render every line of the campaign, as its preparation does."""
        settings = self.settings
        voice, model = settings.elevenlabs_voice_id, settings.elevenlabs_model
        for line in texts_to_render(
            SCRIPT, first_name="Alex", company="Example Bakery", caller_id=settings.twilio_from_number
        ):
            spoken = await asyncio.to_thread(self.world.studio.synthesize, line)
            async with self.database.transaction() as session:
                key = audio_key(voice, model, line)
                await put_audio(session, key=key, voice_id=voice, text=line, audio=bytes(spoken.audio))

    async def dial(self, attempt_id: str, **extra: str) -> str:
        """Have the carrier ring the lead and connect the answered call to the bridge: the call's SID."""
        attempt = await self.attempt(attempt_id)
        form = {
            "To": attempt.phone,
            "From": self.settings.twilio_from_number,
            "Twiml": extra.pop("Twiml", "") or self.connect_twiml(attempt_id, token=extra.pop("token", None)),
            **extra,
        }
        account = self.settings.twilio_account_sid
        answer = await self.http.post(
            f"{self.settings.twilio_base_url}/2010-04-01/Accounts/{account}/Calls.json",
            data=form,
            auth=(account, self.settings.twilio_auth_token.get_secret_value()),
        )
        answer.raise_for_status()
        return str(answer.json()["sid"])

    async def update_call(self, sid: str, **form: str) -> None:
        account = self.settings.twilio_account_sid
        answer = await self.http.post(
            f"{self.settings.twilio_base_url}/2010-04-01/Accounts/{account}/Calls/{sid}.json",
            data=form,
            auth=(account, self.settings.twilio_auth_token.get_secret_value()),
        )
        answer.raise_for_status()

    async def attempt(self, attempt_id: str) -> Attempt:
        async with self.database.transaction() as session:
            return cast(Attempt, await session.get_one(Attempt, attempt_id))

    async def turns(self, attempt_id: str) -> list[Turn]:
        from cadenza.records.journal import read_turns

        async with self.database.transaction() as session:
            return await read_turns(session, attempt_id)

    async def transcript(self, attempt_id: str) -> str:
        """For people who look at a failed test."""
        rows = await self.turns(attempt_id)
        return "\n".join(
            f"{row.position:2} {row.speaker:7} {row.text or row.tool or row.payload}"
            + (" (cut)" if row.interrupted else "")
            + (f" {row.latency}" if row.latency else "")
            for row in rows
        )

    async def outcome(self, attempt_id: str, seconds: float = 90.0) -> str:
        """Wait for the call's recorded outcome."""
        async with asyncio.timeout(seconds):
            while True:
                attempt = await self.attempt(attempt_id)
                if attempt.conversation_outcome:
                    return attempt.conversation_outcome
                await asyncio.sleep(0.1)

    async def heard(self, sid: str) -> list[str]:
        """What the person at the other end heard, turn by turn. Waits for the call's end: what was heard last is
        written then, and the outcome may be there before."""
        await eventually(lambda: self.truth("ended", sid), 20)
        return [str(entry.facts["text"]) for entry in self.world.truth.entries("heard") if _of(entry.facts, sid)]

    def truth(self, kind: str, sid: str) -> list[dict[str, Any]]:
        return [entry.facts for entry in self.world.truth.entries(kind) if _of(entry.facts, sid)]

    async def run(self, statement: str, **parameters: Any) -> list[Any]:
        async with self.database.transaction() as session:
            result = await session.execute(text(statement), parameters)
            return list(result.all()) if result.returns_rows else []  # type: ignore[attr-defined]


def _of(facts: dict[str, Any], sid: str) -> bool:
    return sid in {str(facts.get("call")), str(facts.get("call_sid")), str(facts.get("sid"))}


@asynccontextmanager
async def rehearsed(database_url: str, data_dir: Any, **policy: Any) -> AsyncIterator[Rehearsed]:
    """Everything running on free ports. The database has our tables."""
    async with AsyncExitStack() as stack:
        environment = {name.lower(): value for name, value in rehearsal_environment(data_dir).items()}
        environment |= {"database_url": database_url, "bridge_port": "0", "bridge_public_url": "ws://127.0.0.1:1"}
        first = Settings.model_validate(environment)
        world = World(settings=first, seed=11)
        stack.callback(world.truth.close)
        ports: dict[str, int] = {}
        for name in ("twilio", "assemblyai", "openai", "elevenlabs"):
            emulator = build_emulator(world, name)
            stack.push_async_callback(emulator.stop)
            await emulator.start("127.0.0.1", 0)
            ports[name] = emulator.port  # type: ignore[attr-defined]
        settings = first.model_copy(
            update={
                "twilio_base_url": f"http://127.0.0.1:{ports['twilio']}",
                "assemblyai_streaming_url": f"ws://127.0.0.1:{ports['assemblyai']}",
                "openai_base_url": f"http://127.0.0.1:{ports['openai']}/v1",
                "elevenlabs_base_url": f"http://127.0.0.1:{ports['elevenlabs']}",
                "bridge_spoken_cache_mb": 0,  # the emulated model always uses the same words
            }
        )
        database = Database(database_url)
        leads = FakeLeads()
        services = build_services(settings, "br_one", database, cast(LeadClient, leads))
        stack.push_async_callback(services.close)
        bridge = await start_bridge(services, stack)
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=10))
        campaign_id = await _campaign(database, policy)
        app = Starlette()
        web = AsgiServer(app)
        made = Rehearsed(bridge.settings, world, database, leads, bridge.services, bridge, web, campaign_id, http)
        app.router.routes.append(Route("/after-stream", made.after_stream, methods=["POST"]))
        await web.start("127.0.0.1", 0)
        stack.push_async_callback(web.stop)
        yield made


async def start_bridge(services: Services, stack: AsyncExitStack) -> BridgeServer:
    """A bridge on a free port that knows its own public address."""
    from dataclasses import replace

    from cadenza.operations.processes import free_port

    port = free_port()
    settings = services.settings.model_copy(update={"bridge_port": port, "bridge_public_url": f"ws://127.0.0.1:{port}"})
    server = BridgeServer(replace(services, settings=settings))
    await server.start()
    stack.push_async_callback(server.stop)
    return server


async def _campaign(database: Database, policy: dict[str, Any]) -> str:
    campaign_id = new_id("cmp")
    settings = {"calling_hours": WeeklyHours.always().model_dump(mode="json"), "reprompt_seconds": 3.0, **policy}
    async with database.transaction() as session:
        session.add(Account(id="main", calls_per_second=10.0, max_lines=50, tokens=0.0))
        await session.flush()
        session.add(
            Campaign(
                id=campaign_id,
                account_id="main",
                name="Spring",
                state="running",
                script=SCRIPT.model_dump(mode="json"),
                policy=CampaignPolicy.model_validate(settings).model_dump(mode="json"),
            )
        )
    return campaign_id
