"""A database with a campaign, its reps and its leads, and settings that point at emulators on free ports."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlmodel import col, select

from cadenza.domain.identifiers import attempt_id, new_id
from cadenza.domain.outcomes import AttemptState, CampaignState
from cadenza.operations.processes import free_port
from cadenza.operations.rehearsal_environment import rehearsal_environment
from cadenza.records.booking_tables import Booking, Rep
from cadenza.records.database import Database
from cadenza.records.tables import Attempt, Campaign, Lead
from cadenza.settings import Settings

SCRIPT: dict[str, Any] = {
    "agent_company": "Acme",
    "purpose": "Offer a tour of the product.",
    "opening": "Hello {first_name}, have you a minute?",
    "facts": ["The tour takes thirty minutes."],
    "objections": [{"id": "price", "heard": "too expensive", "answer": "The tour costs nothing."}],
}
ALWAYS_OPEN = {
    day: {"opens": "00:00", "closes": "00:00"}
    for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
}


def rehearsal_settings(data_dir: Path, **addresses: str) -> Settings:
    """Settings whose vendors are the rehearsal world's; `addresses` replaces those whose emulator runs."""
    environment = {name.lower(): value for name, value in rehearsal_environment(data_dir).items()}
    return Settings.model_validate({**environment, **addresses})


def free_address(scheme: str = "http") -> tuple[str, int]:
    port = free_port()
    return f"{scheme}://127.0.0.1:{port}", port


class House:
    """Makes rows."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._numbers = 0

    async def campaign(self, *, state: CampaignState = CampaignState.RUNNING, **fields: Any) -> str:
        fields.setdefault("script", SCRIPT)
        fields.setdefault("booking", {"notice_minutes": 130, "hours": ALWAYS_OPEN})
        fields.setdefault("caller_id", "+12025550199")
        campaign = Campaign(id=new_id("cmp"), account_id="AC1", name="Spring", state=state.value, **fields)
        async with self.database.transaction() as session:
            await session.execute(
                text("insert into account values ('AC1', 10, 10, null, null, 0) on conflict do nothing")
            )
            session.add(campaign)
        return campaign.id

    async def rep(self, campaign_id: str, calendar_ref: str, provider: str = "calendly", **fields: Any) -> str:
        rep = Rep(
            id=new_id("rep"), campaign_id=campaign_id, name=fields.pop("name", "Dana Reyes"),
            email="rep@rehearsal.test", provider=provider, calendar_ref=calendar_ref,
            time_zone=fields.pop("time_zone", "America/New_York"), **fields,
        )  # fmt: skip
        async with self.database.transaction() as session:
            session.add(rep)
        return rep.id

    async def lead(self, campaign_id: str, *, email: str = "ann.lee@example.com", **fields: Any) -> str:
        self._numbers += 1
        lead = Lead(
            id=new_id("ld"), campaign_id=campaign_id, phone=f"+1202555{self._numbers + 100:04d}",
            name=fields.pop("name", "Ann Lee"), first_name=fields.pop("first_name", "Ann"), email=email,
            zones=fields.pop("zones", ["America/New_York"]), **fields,
        )  # fmt: skip
        async with self.database.transaction() as session:
            session.add(lead)
        return lead.id

    async def attempt(self, lead_id: str, number: int = 1, **fields: Any) -> str:
        identifier = attempt_id(lead_id, number)
        async with self.database.transaction() as session:
            lead = await session.get_one(Lead, lead_id)
            now = (await session.execute(text("select now()"))).scalar_one()
            session.add(
                Attempt(
                    id=identifier,
                    lead_id=lead_id,
                    campaign_id=lead.campaign_id,
                    account_id="AC1",
                    number=number,
                    phone=lead.phone,
                    from_number="+12025550199",
                    lease_until=now,
                    state=fields.pop("state", AttemptState.IN_PROGRESS.value),
                    **fields,
                )
            )
        return identifier

    async def bookings(self, lead_id: str | None = None) -> Sequence[Booking]:
        """All bookings, or a lead's, in the order in which they were made."""
        query = select(Booking).order_by(col(Booking.created_at))
        async with self.database.transaction() as session:
            return (await session.exec(query.where(Booking.lead_id == lead_id) if lead_id else query)).all()

    async def run(self, statement: str, **parameters: Any) -> list[Any]:
        async with self.database.transaction() as session:
            result = await session.execute(text(statement), parameters)
            return list(result.all()) if result.returns_rows else []  # type: ignore[attr-defined]
