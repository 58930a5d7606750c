"""The customer's webhook. Pins: signed as documented, tried again only where that helps, and never sent into a private
network."""

import hashlib
import hmac
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.notify import Notified, NotifyActivities, NotifyWebhook, _is_public
from cadenza.settings import Settings
from rehearsal.servers import AsgiServer
from tests.activities.house import House, rehearsal_settings

pytestmark = pytest.mark.servers
SECRET = "customer's secret"


class Customer:
    """The customer's system."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.answer = Response(status_code=204)
        self.server = AsgiServer(Starlette(routes=[Route("/crm", self._take, methods=["POST"])]))
        self.settings: Settings

    async def _take(self, request: Request) -> Response:
        self.requests.append((dict(request.headers), await request.body()))
        return self.answer

    async def lead(self, *, url: str | None = "", outcome: str | None = "booked") -> str:
        address = f"http://localhost:{self.server.port}/crm?from=cadenza" if url == "" else url
        campaign = await self.house.campaign(webhook_url=address)
        lead = await self.house.lead(campaign, outcome=outcome, custom={"crm_id": "77"})
        await self.house.attempt(lead, outcome="booked", summary={"summary": "Went well."})
        return lead

    async def notify(self, lead_id: str, **settings: Any) -> Notified:
        activities = NotifyActivities(self.settings.model_copy(update=settings), self.house.database)
        try:
            return await ActivityEnvironment().run(activities.notify_webhook, NotifyWebhook(lead_id=lead_id))
        finally:
            await activities.close()


@pytest_asyncio.fixture
async def customer(house: House, tmp_path: Path) -> AsyncIterator[Customer]:
    customer = Customer(house)
    await customer.server.start("127.0.0.1", 0)
    customer.settings = rehearsal_settings(tmp_path).model_copy(
        update={"webhook_allow_private": True, "webhook_secret": SecretStr(SECRET)}
    )
    yield customer
    await customer.server.stop()


async def test_the_outcome_is_posted_and_signed(customer: Customer) -> None:
    lead = await customer.lead()
    assert await customer.notify(lead) == Notified(delivered=True)
    ((headers, body),) = customer.requests
    told = orjson.loads(body)
    assert (told["event"], told["outcome"], told["lead"]["custom"]) == ("lead.finished", "booked", {"crm_id": "77"})
    assert told["attempts"][0]["summary"] == {"summary": "Went well."}
    assert headers["host"] == f"localhost:{customer.server.port}"
    moment, digest = (part.split("=", 1)[1] for part in headers["cadenza-signature"].split(","))
    assert digest == hmac.new(SECRET.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["cadenza-delivery"] == f"{lead}:finished"


async def test_without_a_secret_nothing_is_signed(customer: Customer) -> None:
    await customer.notify(await customer.lead(), webhook_secret=None)
    assert "cadenza-signature" not in customer.requests[0][0]


async def test_without_an_address_or_an_outcome_nothing_is_sent(customer: Customer) -> None:
    assert (await customer.notify(await customer.lead(url=None))).reason == "no_webhook"
    assert (await customer.notify(await customer.lead(outcome=None))).reason == "no_outcome_yet"
    assert customer.requests == []


@pytest.mark.parametrize(
    ("status", "kind", "final"),
    [
        (500, "webhook_unreachable", False),
        (429, "webhook_unreachable", False),
        (410, "webhook_refused", True),
        (302, "webhook_refused", True),
    ],
)
async def test_only_what_may_pass_is_tried_again(customer: Customer, status: int, kind: str, final: bool) -> None:
    customer.answer = Response(status_code=status, headers={"Location": "http://localhost:1/", "Retry-After": "7"})
    with pytest.raises(ApplicationError) as failure:
        await customer.notify(await customer.lead())
    assert (failure.value.type, failure.value.non_retryable) == (kind, final)
    if status == 429:
        assert failure.value.next_retry_delay is not None and failure.value.next_retry_delay.seconds == 7
    assert len(customer.requests) == 1


@pytest.mark.parametrize("url", ["http://localhost:{port}/crm", "http://127.0.0.1:{port}/crm", "http://[::1]:{port}/"])
async def test_private_targets_are_refused_and_never_contacted(customer: Customer, url: str) -> None:
    lead = await customer.lead(url=url.format(port=customer.server.port))
    with pytest.raises(ApplicationError) as failure:
        await customer.notify(lead, webhook_allow_private=False)
    assert failure.value.type == "webhook_refused" and failure.value.non_retryable
    assert customer.requests == []


async def test_a_system_that_is_down_is_tried_again(customer: Customer) -> None:
    lead = await customer.lead(url="http://127.0.0.1:1/crm")
    with pytest.raises(ApplicationError) as failure:
        await customer.notify(lead)
    assert failure.value.type == "webhook_unreachable" and not failure.value.non_retryable


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("10.0.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),
    ],
)
def test_what_counts_as_public(address: str, public: bool) -> None:
    assert _is_public(address) is public
