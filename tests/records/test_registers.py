"""Do-not-call registers, reassigned numbers and suppressions: any sequence of changes gives the right facts."""

import asyncio
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from cadenza.domain.row_problem import FileRefused
from cadenza.domain.suppression import SuppressionSource
from cadenza.records.database import Database
from cadenza.records.number_uploads import (
    CopyTooOld,
    load_answers,
    load_register,
    remove_register,
    suppress_list,
)
from cadenza.records.registers import read_register_facts
from cadenza.records.suppressions import is_suppressed, lift_by_reply, lift_suppression, suppress_number
from tests.records.conftest import World

DAY = datetime(2026, 11, 1, tzinfo=UTC)
PHONES = [f"+1212555010{number}" for number in range(4)]


async def load(database: Database, jurisdiction: str, name: str, numbers: list[str], day: int, **more: Any) -> None:
    async with database.transaction() as session:
        await load_register(
            session, io.BytesIO("\n".join(numbers).encode()), jurisdiction=jurisdiction, name=name, country="US",
            copied_at=DAY + timedelta(days=day), who="key:ak_1", **{"is_internal": False, **more},
        )  # fmt: skip


async def test_a_newer_copy_takes_the_place_of_the_older_and_an_older_one_is_refused(world: World) -> None:
    database = world.database
    await load(database, "US", "national", PHONES[:2], 1)
    await load(database, "US", "national", PHONES[1:3], 2)
    with pytest.raises(CopyTooOld):
        await load(database, "US", "national", PHONES, 1)
    async with database.transaction() as session:
        facts = await read_register_facts(session, PHONES)
    assert [bool(facts[phone].listed_on) for phone in PHONES] == [False, True, True, False]
    assert {fact.registers["US"] for fact in facts.values()} == {DAY + timedelta(days=2)}
    assert await world.run("select count(*) from register_number") == [(2,)], "the old copy's numbers are gone"
    assert await world.run("select entries from register_copy order by loaded_at") == [(2,), (2,)]


async def test_of_two_registers_of_one_place_the_oldest_copy_counts_and_an_internal_list_has_no_age(
    world: World,
) -> None:
    await load(world.database, "GB", "ours", [PHONES[0]], 0, is_internal=True)
    async with world.database.transaction() as session:
        ours = (await read_register_facts(session, PHONES))[PHONES[0]]
    assert (ours.registers, ours.listed_on) == ({}, {"GB"}), "the law's register is still missing"
    await load(world.database, "GB", "TPS", [PHONES[1]], 5)
    await load(world.database, "GB", "CTPS", [PHONES[2]], 3)
    async with world.database.transaction() as session:
        facts = await read_register_facts(session, PHONES)
    assert facts[PHONES[3]].registers == {"GB": DAY + timedelta(days=3)}
    assert [facts[phone].listed_on for phone in PHONES] == [{"GB"}, {"GB"}, {"GB"}, frozenset()]


async def test_a_register_whose_file_breaks_off_leaves_the_copy_before_it(world: World) -> None:
    await load(world.database, "US", "national", PHONES[:1], 1)
    with pytest.raises(FileRefused):
        await load(world.database, "US", "national", ["nonsense"], 2)
    async with world.database.transaction() as session:
        facts = await read_register_facts(session, PHONES[:1])
    assert facts[PHONES[0]].listed_on == {"US"}


async def test_answers_about_reassigned_numbers_are_read_and_bad_rows_reported(world: World) -> None:
    content = (
        "Phone,Date,Result\n"
        f"{PHONES[0]},2026-01-01,yes\n{PHONES[1]},20260101,No\n{PHONES[2][2:]},1/1/2026,no data\n"
        f"{PHONES[3]},soon,yes\nnonsense,2026-01-01,yes\n{PHONES[3]},2026-01-01,maybe\n"
    )
    async with world.database.transaction() as session:
        result = await load_answers(session, io.BytesIO(content.encode()), checked_on=date(2026, 11, 1), who="key:ak_1")
        facts = await read_register_facts(session, PHONES)
    assert (result.rows, result.numbers, result.rejected) == (6, 3, 3)
    assert [problem.code for problem in result.findings] == ["bad_date", "not_a_number", "bad_answer"]
    assert [facts[phone].reassigned_on for phone in PHONES] == [date(2026, 11, 1), None, None, None]


# --- Any sequence of changes -----------------------------------------------------------------------------------------

_phones = st.sampled_from(PHONES)
_lists = st.lists(_phones, min_size=1, max_size=4)
_registers = st.sampled_from([("US", "national"), ("US-FL", "state"), ("US", "ours")])
_changes = st.one_of(
    st.tuples(st.just("suppress"), _phones, st.sampled_from(["call", "keypad", "reply", "api"])),
    st.tuples(st.just("list"), _lists, st.none()),
    st.tuples(st.just("lift"), _phones, st.none()),
    st.tuples(st.just("start"), _phones, st.none()),
    st.tuples(st.just("load"), _registers, st.tuples(_lists, st.integers(0, 5))),
    st.tuples(st.just("remove"), _registers, st.none()),
)


class Expected:
    """What must hold, by plain sets."""

    def __init__(self) -> None:
        self.sources: dict[str, set[str]] = {}
        self.copies: dict[tuple[str, str], tuple[set[str], int]] = {}

    def apply(self, kind: str, what: Any, how: Any) -> None:
        match kind:
            case "suppress":
                self.sources.setdefault(what, set()).add(how)
            case "list":
                for phone in what:
                    self.sources.setdefault(phone, set()).add("list")
            case "lift":
                self.sources.pop(what, None)
            case "start" if self.sources.get(what) == {"reply"}:
                del self.sources[what]
            case "load" if what not in self.copies or self.copies[what][1] <= how[1]:
                self.copies[what] = (set(how[0]), how[1])
            case "remove":
                self.copies.pop(what, None)

    def listed_on(self, phone: str) -> set[str]:
        return {place for (place, _), (numbers, _) in self.copies.items() if phone in numbers}

    def registers(self) -> dict[str, datetime]:
        days: dict[str, int] = {}
        for (place, name), (_, day) in self.copies.items():
            if name != "ours":
                days[place] = min(day, days.get(place, day))
        return {place: DAY + timedelta(days=day) for place, day in days.items()}


async def _apply(database: Database, kind: str, what: Any, how: Any) -> None:
    if kind == "load":
        try:
            await load(database, *what, how[0], how[1], is_internal=what[1] == "ours")
        except CopyTooOld:
            return
        return
    async with database.transaction() as session:
        match kind:
            case "suppress":
                await suppress_number(session, what, reason="asked", source=how)
            case "list":
                stream = io.BytesIO("\n".join(what).encode())
                await suppress_list(session, stream, country="US", reason="asked", who="key:ak_1", name="list.csv")
            case "lift":
                await lift_suppression(session, what, reason="r", who="key:ak_1", source=SuppressionSource.API)
            case "start":
                await lift_by_reply(session, what, reference="SM1")
            case "remove":
                await remove_register(session, *what, who="key:ak_1", why="r")


async def _judge(url: str, changes: list[tuple[str, Any, Any]]) -> None:
    database, expected = Database(url, 2), Expected()
    try:
        async with database.transaction() as session:
            await session.execute(
                text("truncate suppression, suppression_event, register_number, register_copy, reassigned_answer")
            )
        for change in changes:
            await _apply(database, *change)
            expected.apply(*change)
        async with database.transaction() as session:
            facts = await read_register_facts(session, PHONES)
            for phone in PHONES:
                assert await is_suppressed(session, phone) is (phone in expected.sources)
                assert facts[phone].listed_on == expected.listed_on(phone)
                assert facts[phone].registers == expected.registers()
    finally:
        await database.close()


@pytest.mark.no_cover
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(_changes, max_size=10))
def test_any_sequence_of_changes_gives_the_right_facts(
    module_laid_out_url: str, changes: list[tuple[str, Any, Any]]
) -> None:
    asyncio.run(_judge(module_laid_out_url, changes))
