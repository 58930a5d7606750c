"""The database goes away for a moment: the carrier's questions wait for it, users are told to try again."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cadenza.operations.embedded_postgres import EmbeddedPostgres
from cadenza.records.migrate import migrate
from cadenza.temporal.connection import connect
from tests.api.conftest import CALL_SID, Api, close_api, open_api, settings_for
from tests.support.servers import running_postgres

pytestmark = pytest.mark.servers


@pytest_asyncio.fixture
async def own(tmp_path: Path) -> AsyncIterator[tuple[Api, EmbeddedPostgres]]:
    """An API with a database of its own, which may be stopped."""
    with running_postgres() as server:
        await asyncio.to_thread(migrate, server.url)
        settings = settings_for(server.url, tmp_path)
        api = await open_api(settings, await connect(settings, lazy=True))
        yield api, server
        await close_api(api)


async def test_webhooks_wait_for_the_database_and_nothing_is_lost(own: tuple[Api, EmbeddedPostgres]) -> None:
    api, server = own
    campaign = await api.campaign()
    await api.upload(campaign)
    await api.execute("update campaign set state = 'running' where id = :id", id=campaign)
    attempt = await api.attempt(campaign)
    await asyncio.to_thread(server.stop)
    answer = asyncio.create_task(api.webhook("answer", attempt.id, CallSid=CALL_SID))
    status = asyncio.create_task(
        api.webhook("status", attempt.id, CallSid=CALL_SID, CallStatus="in-progress", SequenceNumber="2")
    )
    after = asyncio.create_task(api.webhook("after-stream", attempt.id, CallSid=CALL_SID, CallStatus="in-progress"))
    refused = await api.http.get("/v1/campaigns")
    assert (refused.status_code, refused.json()["code"]) == (503, "database_away")
    assert refused.headers["Retry-After"]
    ready = (await api.http.get("/health/ready")).json()
    assert {error["field"] for error in ready["errors"]} == {"database", "temporal"}
    await asyncio.sleep(1)
    assert not answer.done()
    await asyncio.to_thread(server.start)
    assert "<Connect>" in (await answer).text
    assert (await status).status_code == 204
    assert "<Connect>" in (await after).text
    assert await api.value("select count(*) from call_event where attempt_id = :id", id=attempt.id) == 3


async def test_a_database_that_stays_away_ends_the_carriers_patience_first(
    own: tuple[Api, EmbeddedPostgres], monkeypatch: pytest.MonkeyPatch
) -> None:
    api, server = own
    monkeypatch.setattr("api.webhooks.patience.PATIENCE_SECONDS", 0.5)
    await asyncio.to_thread(server.stop)
    answer = await api.webhook("status", "ld_1-1", CallSid=CALL_SID, CallStatus="ringing")
    assert answer.status_code == 503
