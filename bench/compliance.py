"""A do-not-call register of a million numbers: how long does a copy take, how much memory, and what does asking cost?
And the audit log: entries sealed and verified a second.

    python -m bench compliance [--numbers 1000000] [--entries 50000]
"""

import argparse
import asyncio
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from bench.machine import describe
from cadenza.operations.embedded_postgres import EmbeddedPostgres
from cadenza.operations.processes import free_port
from cadenza.records.audit import seal_entries, verify_chain
from cadenza.records.database import Database
from cadenza.records.migrate import migrate
from cadenza.records.number_uploads import load_register
from cadenza.records.registers import read_register_facts

ASKED_AT_ONCE = 100
ROUNDS = 50


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench compliance", description=__doc__)
    parser.add_argument("--numbers", type=int, default=1_000_000)
    parser.add_argument("--entries", type=int, default=50_000)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres", free_port())
        server.start()
        try:
            migrate(server.url)
            asyncio.run(_measure(server.url, given.numbers, given.entries))
        finally:
            server.stop()


async def _measure(url: str, numbers: int, entries: int) -> None:
    database = Database(url)
    table = Table("", "", title=f"{describe()}", title_justify="left")
    with tempfile.TemporaryFile() as file:
        _write_register(file, numbers)
        before = _memory_mib()
        for day, what in ((1, "the first copy"), (2, "a newer copy in its place")):
            file.seek(0)
            began = time.monotonic()
            async with database.transaction() as session:
                result = await load_register(
                    session, file, jurisdiction="US", name="national", is_internal=False, country="US", who="bench",
                    copied_at=datetime(2026, 11, day, tzinfo=UTC),
                )  # fmt: skip
            table.add_row(f"{result.numbers:,} numbers, {what}", f"{time.monotonic() - began:.1f} s")
        table.add_row("memory of the process, before and at its peak", f"{before} and {_memory_mib()} MiB")
    table.add_row(f"facts of {ASKED_AT_ONCE} numbers, p50", f"{await _ask(database):.1f} ms")
    await _audit(database, entries, table)
    await database.close()
    Console().print(table)


def _write_register(file: IO[bytes], numbers: int) -> None:
    """As the American one is given out: area code and number."""
    for number in range(numbers):
        file.write(f"{201 + number // 10000 % 700},{2_000_000 + number * 7 % 7_000_000:07d}\n".encode())


async def _ask(database: Database) -> float:
    phones = [f"+1212{2_000_000 + number * 7:07d}" for number in range(ASKED_AT_ONCE)]
    taken = []
    for _ in range(ROUNDS):
        began = time.monotonic()
        async with database.transaction() as session:
            await read_register_facts(session, phones)
        taken.append((time.monotonic() - began) * 1000)
    return statistics.median(taken)


async def _audit(database: Database, entries: int, table: Table) -> None:
    async with database.transaction() as session:
        await session.execute(
            text(
                "insert into audit_entry (kind, who, why, lead_id, details) select 'gate.refused', 'gate', 'a reason', "
                "'ld_' || number, jsonb_build_object('rule', 'outside_hours', 'stage', 'admission') "
                "from generate_series(1, :entries) as number"
            ),
            {"entries": entries},
        )
    began = time.monotonic()
    async with database.transaction() as session:
        await seal_entries(session, everything=True)
    sealed = time.monotonic()
    async with database.transaction() as session:
        head, broken = await verify_chain(session)
    assert broken is None, broken
    table.add_row("audit entries sealed a second", f"{head.position / (sealed - began):,.0f}")
    table.add_row("audit entries verified a second", f"{head.position / (time.monotonic() - sealed):,.0f}")


def _memory_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
