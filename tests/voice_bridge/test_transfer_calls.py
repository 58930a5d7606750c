"""A callee asks for a person: whole conversations over the wire, with the API's own answers to the carrier."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
import pytest_asyncio

from api.app import create_app
from api.delivery import EventDelivery
from api.webhooks.twiml import connect_to_bridge
from cadenza.domain.messages import ConversationEnded
from cadenza.domain.outcomes import AttemptOutcome
from cadenza.operations.processes import free_port
from cadenza.records.transfers import list_transfers
from cadenza.temporal.connection import connect
from cadenza.temporal.lead_client import LeadClient
from rehearsal.servers import AsgiServer
from tests.voice_bridge.rehearsed import Rehearsed, rehearsed

pytestmark = [pytest.mark.servers, pytest.mark.conversation, pytest.mark.waits(80)]

WANTS_A_PERSON = "80"
TAKES_IT, RINGS_OUT = "+12125550301", "+12125550348"


@dataclass
class Told:
    """One call, after its end."""

    attempt: str
    sid: str
    outcome: str
    heard: str
    transcript: str
    transfers: list[str]


class House:
    """The bridge, the API and the carrier."""

    def __init__(self, world: Rehearsed, settings: Any) -> None:
        self.world = world
        self.settings = settings

    async def call(self, target: str, line: str) -> tuple[str, str]:
        """An attempt of a campaign that may connect to this number, and its call."""
        world = self.world
        targets = [{"id": "sales", "label": "our sales team", "phone": target}]
        campaign = await world.campaign_with(transfer_targets=targets, transfer_ring_seconds=10)
        attempt = await world.lead(WANTS_A_PERSON, line=line, campaign_id=campaign)
        sid = await world.dial(attempt, Twiml=connect_to_bridge(self.settings, attempt, time.time()))
        return attempt, sid

    async def told(self, attempt: str, sid: str, *, seconds: float = 90) -> Told:
        outcome = await self.world.outcome(attempt, seconds)
        async with self.world.database.transaction() as session:
            transfers = [one.state for one in await list_transfers(session, attempt)]
        heard = " ".join(await self.world.heard(sid))
        return Told(attempt, sid, outcome, heard, await self.world.transcript(attempt), transfers)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(module_laid_out_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with rehearsed(module_laid_out_url, tmp_path_factory.mktemp("transfers")) as world, AsyncExitStack() as stack:
        await world.render()
        port = free_port()
        settings = world.settings.model_copy(
            update={"public_base_url": f"http://127.0.0.1:{port}", "bridge_public_url": world.bridge_url}
        )
        app = create_app(settings, world.database, await connect(settings, lazy=True))
        context = app.state.context
        leads = cast(LeadClient, world.leads)
        app.state.context = replace(context, delivery=EventDelivery(world.database, leads, context.orchestration))
        web = AsgiServer(app)
        await web.start("127.0.0.1", port)
        stack.push_async_callback(web.stop)
        yield House(world, settings)


async def test_who_asks_for_a_person_is_connected_or_told_the_truth(house: House) -> None:
    calls = [await house.call(TAKES_IT, "31"), await house.call(RINGS_OUT, "32")]
    connected, refused = await asyncio.gather(*(house.told(attempt, sid) for attempt, sid in calls))

    assert connected.outcome == AttemptOutcome.TRANSFERRED, connected.transcript
    assert connected.heard.count("I'm connecting you") == 1, "announced, and once"
    assert "you are through to the team" in connected.heard
    assert connected.transfers[-1] == "completed"
    assert set(connected.transfers[:-1]) <= {"called_off"}, "whoever talks into the announcement is asked again"
    (ended,) = [one for one in house.world.leads.of(ConversationEnded) if one.attempt_id == connected.attempt]
    assert ended.outcome is AttemptOutcome.TRANSFERRED

    assert refused.outcome == AttemptOutcome.CALLBACK_PROMISED, refused.transcript
    assert refused.transfers == ["no_answer"]
    assert refused.heard.count("nobody could take your call") == 1
    assert "Sorry, the line dropped" not in refused.heard, "the line did not drop"
    assert refused.heard.count("This call is recorded.") == 1

    for told in (connected, refused):
        assert len(house.world.truth("transfer_dialled", told.sid)) == 1
        assert not house.world.truth("error", told.sid)
