"""How long does one tick of admission take when a million leads are due?

A real, durable PostgreSQL; the leads of eight running campaigns, all of them due. Every tick is the dialer's own
(`cadenza.records.admission`), from the first statement to the commit. Between ticks, not timed, the calls are ended.

Three ways of going: everybody may be called (`open`); nobody may be called today, and each is moved to the next opening
(`closed`); everybody lacks a consent and is held (`held`). The rules are the standard book with the changes that each
needs.

    python -m bench admission_tick [--leads 1000000] [--ticks 200]
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import phonenumbers
import psycopg
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from bench.machine import describe
from bench.uploads import fictional_numbers
from cadenza.calling_rules import read_rules
from cadenza.domain.calling_hours import WeeklyHours
from cadenza.domain.gate import Gate
from cadenza.domain.phone import line_type
from cadenza.domain.policy import CampaignPolicy
from cadenza.domain.rules.rule_book import standard_rules
from cadenza.operations.embedded_postgres import EmbeddedPostgres
from cadenza.operations.rehearsal_environment import RULES
from cadenza.records.admission import admit_due_leads
from cadenza.records.database import Database
from cadenza.records.migrate import migrate

TARGET_MILLISECONDS = 50
CAMPAIGNS = 8
ACCOUNT = "AC1"
CALLS_PER_SECOND = 10.0


@dataclass(frozen=True)
class Way:
    """What a tick meets."""

    name: str
    gate: Gate


def ways() -> list[Way]:
    """No tick depends on the hour of the measurement."""
    law, always = standard_rules(), read_rules(RULES)
    today = datetime.now(UTC).date()
    days = [{"day": str(today + timedelta(days=more)), "reason": "closed"} for more in (-1, 0, 1)]
    nothing_else = {place: {"consent": None, "do_not_call": None} for place in law.jurisdictions}
    needed = {place: {"consent": [{"needs": "written"}]} for place in ("US", "CA", "AU")}
    return [
        Way("open", Gate(always)),
        Way(
            "closed",
            Gate(law.with_overlay({"version": "closed", "jurisdictions": nothing_else, "blackout_days": days})),
        ),
        Way("held", Gate(always.with_overlay({"version": "held", "jurisdictions": needed}))),
    ]


def callable_numbers() -> Iterator[str]:
    """Fictional numbers in E.164 that may be called."""
    for written in fictional_numbers():
        number = phonenumbers.parse(written, "US")
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        if line_type(e164) is not None:
            yield e164


def fill(database_url: str, leads: int) -> int:
    """Campaigns with their leads, all due. Returns how many leads there are."""
    policy = CampaignPolicy(calling_hours=WeeklyHours.always()).model_dump_json()
    phones = list(islice(callable_numbers(), leads // CAMPAIGNS))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "insert into account (id, calls_per_second, max_lines, tokens) values (%s, %s, 1000, 0)",
            (ACCOUNT, CALLS_PER_SECOND),
        )
        connection.execute(
            "insert into bridge_node (id, public_url, max_calls, calls, draining) values ('b', '', 99999, 0, false)"
        )
        connection.execute(
            "insert into campaign (id, account_id, name, state, state_reason, policy, default_country, caller_id) "
            "select 'cp_' || n, %s, 'Campaign ' || n, 'running', '', %s, 'US', '' from generate_series(1, %s) as n",
            (ACCOUNT, policy, CAMPAIGNS),
        )
        connection.execute("create table number (at serial, phone text)")
        with connection.cursor() as cursor, cursor.copy("copy number (phone) from stdin") as copy:
            for phone in phones:
                copy.write_row((phone,))
        connection.execute(_LEADS)
        connection.execute("drop table number")
        connection.execute("vacuum analyze")
    return len(phones) * CAMPAIGNS


_LEADS = """
    insert into lead (id, campaign_id, phone, name, first_name, email, company, country, state, due_at, next_step,
                      is_callback, attempts_made, workflow_started, outcome_reason)
    select 'ld_' || campaign || '_' || lpad(at::text, 8, '0'), 'cp_' || campaign, phone, '', '', '', '', '', 'new',
           now() - make_interval(secs => (at * 7919) %% 86400), 'first call', at %% 1000 = 0, 0, false, ''
    from number cross join generate_series(1, 8) as campaign
""".replace("%%", "%")
_END_CALLS = (
    "update attempt set state = 'ended', outcome = 'no_answer', ended_at = now() where outcome is null",
    "update lead set state = 'waiting', due_at = now() + interval '4 hours' where state = 'calling'",
)


async def measure(database_url: str, way: Way, ticks: int) -> tuple[list[float], int]:
    """Milliseconds of each tick, and how many leads were admitted in all."""
    database = Database(database_url)
    took, admitted = [], 0
    try:
        for _ in range(ticks):
            async with database.transaction() as session:
                # As if half a second had gone by, and the bridge had just given its sign of life
                await session.execute(text("update account set last_tick_at = now() - interval '500 milliseconds'"))
                await session.execute(text("update bridge_node set beat_at = now()"))
            started = time.perf_counter()
            async with database.transaction() as session:
                tick = await admit_due_leads(session, ACCOUNT, way.gate)
            took.append((time.perf_counter() - started) * 1000)
            admitted += len(tick.admitted)
            async with database.transaction() as session:
                for statement in _END_CALLS:
                    await session.execute(text(statement))
    finally:
        await database.close()
    return took, admitted


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench admission_tick")
    parser.add_argument("--leads", type=int, default=1_000_000)
    parser.add_argument("--ticks", type=int, default=200)
    options = parser.parse_args(arguments)
    console = Console(highlight=False)
    console.print(f"\nAdmission tick\n{describe()}")
    table = Table("Rules", "Ticks", "p50 ms", "p95 ms", "Longest ms", "Admitted", "Postponed or held")
    with tempfile.TemporaryDirectory(prefix="cadenza-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = EmbeddedPostgres(folder / "postgres")
        server.start(folder / "server.log")
        try:
            migrate(server.url)
            started = time.monotonic()
            leads = fill(server.url, options.leads)
            console.print(f"{leads:,} leads due in {CAMPAIGNS} campaigns, made in {time.monotonic() - started:.0f} s")
            for way in ways():
                took, admitted = asyncio.run(measure(server.url, way, options.ticks))
                with psycopg.connect(server.url, autocommit=True) as connection:
                    found = connection.execute("select count(*) from gate_refusal").fetchone()
                    connection.execute("truncate gate_refusal")
                cuts = statistics.quantiles(took, n=20)
                table.add_row(
                    way.name, str(len(took)), f"{statistics.median(took):.1f}", f"{cuts[18]:.1f}", f"{max(took):.1f}",
                    f"{admitted:,}", f"{found[0] if found else 0:,}",
                )  # fmt: skip
        finally:
            server.stop()
    console.print(table)
    console.print(f"Target: p95 under {TARGET_MILLISECONDS} ms")
