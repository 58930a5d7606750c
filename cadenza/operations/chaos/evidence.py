"""Collects what the judge is told: the carrier's log, the records, and where Temporal says each lead is."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from cadenza.domain.identifiers import lead_workflow_id
from cadenza.domain.judge_facts import (
    AttemptFact,
    BookingFact,
    CampaignFact,
    Evidence,
    LeadFact,
    RecordingFact,
    RefusalFact,
    StoredWebhook,
    SuppressionFact,
    SweptFact,
    TransferFact,
    WorkflowFact,
)
from cadenza.domain.judge_truth import read_calendar, read_calls
from cadenza.domain.messages import LEAD_WORKFLOW
from cadenza.operations.chaos.campaigns import home_zone
from cadenza.operations.chaos.stops import StopLog
from cadenza.settings import Settings
from cadenza.temporal.connection import connect
from cadenza.temporal.search_attributes import LEAD_OUTCOME

_DESCRIPTIONS_AT_ONCE = 16
_QUESTIONS: dict[str, LiteralString] = {
    "campaign": "select * from campaign",
    "lead": "select * from lead",
    "attempt": "select *, (select count(*) from turn where turn.attempt_id = attempt.id) as turns from attempt",
    "booking": "select * from booking",
    "suppression": "select * from suppression",
    "transfer": "select attempt_id, phone, dialled_at from transfer",
    "refusal": "select * from gate_refusal",
    "recording": "select * from recording",
    "webhook": "select * from call_event",
    "swept": "select * from swept",
}


def read_truth(data_dir: Path) -> list[dict[str, Any]]:
    """The world's log, oldest first. A last line that is not yet whole is left out."""
    file = data_dir / "rehearsal" / "truth.jsonl"
    lines = file.read_text().splitlines(keepends=True) if file.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


async def collect(
    settings: Settings, database_url: str, uploaded: Mapping[str, int], stops: StopLog, *, lines: int
) -> Evidence:
    """Everything, after the end. `uploaded` is the number of leads taken for each campaign."""
    truth = await asyncio.to_thread(read_truth, settings.data_dir)
    rows = await asyncio.to_thread(_read_records, database_url)
    leads = tuple(_lead(row) for row in rows["lead"])
    campaigns = tuple(
        CampaignFact(
            id=row["id"], policy=row["policy"], uploaded=uploaded.get(row["id"], 0), stops=tuple(stops.of(row["id"]))
        )
        for row in rows["campaign"]
    )
    return Evidence(
        lines=lines,
        calls=read_calls(truth),
        calendar=read_calendar(truth),
        campaigns=campaigns,
        leads=leads,
        attempts=tuple(AttemptFact.model_validate(row) for row in rows["attempt"]),
        bookings=tuple(BookingFact.model_validate(row) for row in rows["booking"]),
        suppressions=tuple(SuppressionFact.model_validate(row) for row in rows["suppression"]),
        transfers=tuple(TransferFact.model_validate(row) for row in rows["transfer"]),
        refusals=tuple(RefusalFact.model_validate(row) for row in rows["refusal"]),
        recordings=tuple(RecordingFact.model_validate(row) for row in rows["recording"]),
        webhooks=tuple(StoredWebhook.model_validate(row) for row in rows["webhook"]),
        swept=tuple(SweptFact.model_validate(row) for row in rows["swept"]),
        workflows=await _read_workflows(settings, leads),
    )


def _lead(row: Mapping[str, Any]) -> LeadFact:
    """With the zone that the plan knows: a wrong one in the records is found out."""
    return LeadFact.model_validate({**row, "zones": tuple({*row["zones"], home_zone(row["phone"])})})


def _read_records(database_url: str) -> dict[str, list[dict[str, Any]]]:
    with psycopg.connect(database_url, row_factory=dict_row, connect_timeout=5) as connection:
        return {name: connection.execute(question).fetchall() for name, question in _QUESTIONS.items()}


async def count_running_leads(settings: Settings) -> int:
    """Lead workflows that have not closed, as Temporal's list shows them. Raises RPCError or RuntimeError."""
    client = await connect(settings)
    return (await client.count_workflows(f"WorkflowType='{LEAD_WORKFLOW}' and ExecutionStatus='Running'")).count


async def _read_workflows(settings: Settings, leads: tuple[LeadFact, ...]) -> tuple[WorkflowFact, ...]:
    client = await connect(settings)
    room = asyncio.Semaphore(_DESCRIPTIONS_AT_ONCE)

    async def read(lead: LeadFact) -> WorkflowFact | None:
        async with room:
            return await _read_workflow(client, lead)

    found = await asyncio.gather(*(read(lead) for lead in leads))
    return tuple(one for one in found if one is not None)


async def _read_workflow(client: Client, lead: LeadFact) -> WorkflowFact | None:
    handle = client.get_workflow_handle(lead_workflow_id(lead.campaign_id, lead.id))
    try:
        description = await handle.describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    return WorkflowFact(
        lead_id=lead.id,
        status=description.status.name.lower() if description.status is not None else "unknown",
        outcome=description.typed_search_attributes.get(LEAD_OUTCOME),
    )
