"""The API on a real database, without a network: httpx speaks ASGI to the app, Temporal is only reached by the tests
that bring one."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy import text
from temporalio.client import Client
from twilio.request_validator import RequestValidator

from api.app import assemble_app, create_context
from api.context import ApiContext, account_id
from cadenza.domain.calling_hours import WeeklyHours
from cadenza.domain.identifiers import attempt_id, new_id
from cadenza.operations.rehearsal_environment import RULES
from cadenza.records.api_keys import add_key, new_secret
from cadenza.records.campaigns import keep_account
from cadenza.records.database import Database
from cadenza.records.tables import Attempt, Lead
from cadenza.settings import Settings
from cadenza.temporal.connection import connect
from tests.support.databases import kept_database
from tests.support.servers import empty_database

PUBLIC_URL = "https://calls.example.com"
AUTH_TOKEN = "12345"
CALL_SID = "CA" + "0" * 31 + "1"
SCRIPT = {
    "agent_company": "Brightwater Solar",
    "purpose": "To offer a short call.",
    "opening": "Hello {first_name}, do you have half a minute?",
}
REP = {
    "name": "Dana Reyes",
    "email": "dana@example.com",
    "provider": "calendly",
    "calendar_ref": "DANA30",
    "time_zone": "America/New_York",
}
CSV = "First Name,Phone\nAda,+12125550146\nBen,617-555-0136\n"
ALSO_ELSEWHERE = {"active_elsewhere": "take"}
"""For an upload after a test that left a campaign with the same numbers running."""


def settings_for(database_url: str, data_dir: Path, **more: Any) -> Settings:
    values: dict[str, Any] = {
        "database_url": database_url,
        "data_dir": data_dir,
        "public_base_url": PUBLIC_URL,
        "bridge_public_url": "wss://bridge.example.com",
        "twilio_account_sid": "AC" + "0" * 31 + "1",
        "twilio_auth_token": AUTH_TOKEN,
        "twilio_from_number": "+12025550199",
        "assemblyai_api_key": "key",
        "openai_api_key": "key",
        "elevenlabs_api_key": "key",
        "calendly_token": "key",
        "temporal_address": "127.0.0.1:1",
        "max_upload_bytes": 10_000_000,
        "calling_rules": RULES,
        **more,
    }
    return Settings(**values)


@dataclass
class Api:
    """The app, a client with a key, and the means to look behind."""

    app: FastAPI
    http: httpx.AsyncClient
    key: str
    database: Database
    settings: Settings

    @property
    def context(self) -> ApiContext:
        context: ApiContext = self.app.state.context
        return context

    async def campaign(self, **changes: Any) -> str:
        """A draft campaign's id. It is open at all hours unless told otherwise: no test knows when it runs."""
        policy = {"calling_hours": WeeklyHours.always().model_dump(mode="json"), **changes.pop("policy", {})}
        body = {"name": "Test", "script": SCRIPT, "policy": policy, **changes}
        answer = await self.http.post("/v1/campaigns", json=body)
        assert answer.status_code == 201, answer.text
        campaign_id: str = answer.json()["id"]
        return campaign_id

    async def upload(self, campaign_id: str, content: str | bytes = CSV, **more: Any) -> httpx.Response:
        if str(content).startswith(CSV):  # its numbers are called by the campaigns of other tests, too
            more["params"] = {"active_elsewhere": "take", **more.get("params", {})}
        headers = {"content-type": "text/csv", **more.pop("headers", {})}
        return await self.http.post(f"/v1/campaigns/{campaign_id}/leads", content=content, headers=headers, **more)

    async def attempt(self, campaign_id: str, *, number: int = 1, lead_id: str | None = None, **values: Any) -> Attempt:
        """An attempt that the carrier has, for the campaign's first lead unless another is named."""
        async with self.database.transaction() as session:
            if lead_id is None:
                found = await session.execute(
                    text("select id from lead where campaign_id = :id order by id limit 1"), {"id": campaign_id}
                )
                lead_id = str(found.scalar_one())
            lead = await session.get_one(Lead, lead_id)
            attempt = Attempt(
                **{
                    "id": attempt_id(lead_id, number),
                    "lead_id": lead_id,
                    "campaign_id": campaign_id,
                    "account_id": account_id(self.settings),
                    "number": number,
                    "phone": lead.phone,
                    "from_number": "+12025550199",
                    "state": "placed",
                    "lease_until": "2026-01-01T00:00:00Z",
                    "call_sid": CALL_SID,
                    **values,
                }
            )
            session.add(attempt)
            await session.flush()
        return attempt

    async def webhook(
        self, name: str, attempt: str, *, sign: bool = True, transfer: int | None = None, token: str = "", **fields: str
    ) -> httpx.Response:
        """Call a webhook as Twilio does: signed for the public address. With `token` it may be a repeated request."""
        path = f"/webhooks/twilio/{name}?attempt={attempt}" + (f"&transfer={transfer}" if transfer is not None else "")
        headers = {"I-Twilio-Idempotency-Token": token} if token else {}
        if sign:
            headers["X-Twilio-Signature"] = RequestValidator(AUTH_TOKEN).compute_signature(PUBLIC_URL + path, fields)
        return await self.http.post(path, data=fields, headers=headers)

    async def value(self, query: str, **values: Any) -> Any:
        async with self.database.transaction() as session:
            return (await session.execute(text(query), values)).scalar()

    async def execute(self, query: str, **values: Any) -> None:
        async with self.database.transaction() as session:
            await session.execute(text(query), values)


_idle_apps: dict[int, list[FastAPI]] = {}
"""By `max_upload_bytes`. FastAPI takes 0.15 s to put its routes together: all tests of a process use the same ones."""


async def open_api(settings: Settings, temporal: Client) -> Api:
    """An app with its account and a key; the caller closes it with `close_api`."""
    assert settings.database_url is not None
    database = kept_database(settings.database_url.get_secret_value(), 4)
    secret = new_secret()
    async with database.transaction() as session:
        await keep_account(session, account_id(settings), settings.calls_per_second, settings.max_lines)
        await add_key(session, "test", secret)
    idle = _idle_apps.setdefault(settings.max_upload_bytes, [])
    app = idle.pop() if idle else assemble_app(settings.max_upload_bytes)
    app.state.context = create_context(settings, database, temporal)
    http = httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url=PUBLIC_URL,
        headers={"Authorization": f"Bearer {secret}"},
    )
    return Api(app, http, secret, database, settings)


async def close_api(api: Api) -> None:
    await api.context.delivery.stop(1.0)
    await api.http.aclose()
    await api.database.close()
    _idle_apps[api.settings.max_upload_bytes].append(api.app)


@pytest.fixture(scope="module")
def migrated_url(shared_tables_url: str) -> str:
    """A database with our tables, empty at the module's start."""
    empty_database(shared_tables_url)
    return shared_tables_url


@pytest_asyncio.fixture
async def api(migrated_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    """The API; Temporal is away."""
    settings = settings_for(migrated_url, tmp_path)
    opened = await open_api(settings, await connect(settings, lazy=True))
    yield opened
    await close_api(opened)


def unique_phone(number: int) -> str:
    """One of the hundred fictional numbers of New York."""
    return f"+121255501{number:02d}"


__all__ = ["CALL_SID", "CSV", "REP", "SCRIPT", "Api", "new_id", "settings_for", "unique_phone"]
