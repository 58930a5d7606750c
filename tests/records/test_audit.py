"""The audit log: nothing in it can be changed, deleted, moved or cut without being found."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from cadenza.domain.audit_chain import BrokenChain, ChainCheck, Head, SealedEntry, parse_head
from cadenza.records.audit import exported_chain, list_audit, note_change, seal_entries, verify_chain
from cadenza.records.number_key import key_changes, note_number_key
from tests.records.conftest import World

_ENTRIES = 10


async def logged(world: World, count: int = _ENTRIES) -> Head:
    async with world.database.transaction() as session:
        for number in range(count):
            await note_change(session, "test.noted", who="key:ak_1", why="because", number=number)
    return await sealed(world)


async def sealed(world: World) -> Head:
    async with world.database.transaction() as session:
        head = await seal_entries(session, everything=True)
    assert head is not None
    return head


async def verified(world: World, noted: Head | None = None) -> tuple[Head, BrokenChain | None]:
    async with world.database.transaction() as session:
        return await verify_chain(session, noted)


async def tamper(world: World, *statements: str) -> None:
    """As somebody with the database's password would: first the guards are taken away."""
    async with world.database.transaction() as session:
        for table in ("audit_entry", "audit_seal"):
            await session.execute(text(f"alter table {table} disable trigger all"))
        for statement in statements:
            await session.execute(text(statement))
        for table in ("audit_entry", "audit_seal"):
            await session.execute(text(f"alter table {table} enable trigger all"))


async def test_an_untouched_log_is_whole_and_ends_at_its_head(world: World) -> None:
    head = await logged(world)
    assert head.position == _ENTRIES
    assert await verified(world, head) == (head, None)
    assert await sealed(world) == head, "sealing again changes nothing"


@pytest.mark.parametrize("table", ["audit_entry", "audit_seal"])
@pytest.mark.parametrize("statement", ["update {} set {} = {}", "delete from {}", "truncate {}"])
async def test_the_database_refuses_to_change_what_was_written(world: World, table: str, statement: str) -> None:
    await logged(world, 1)
    column = "who" if table == "audit_entry" else "hash"
    with pytest.raises(IntegrityError):
        await world.run(statement.format(table, column, "'somebody else'"))
    assert await world.run(f"select count(*) from {table}") == [(1,)]


@pytest.mark.parametrize(
    ("statements", "position"),
    [
        (["update audit_entry set why = 'another reason' where id = 4"], 4),
        (["update audit_entry set at = at + interval '1 microsecond' where id = 4"], 4),
        (["""update audit_entry set details = details || '{"number": 5}' where id = 4"""], 4),
        (["update audit_seal set hash = repeat('a', 64) where position = 4"], 4),
        (["delete from audit_entry where id = 4"], 4),
        (["delete from audit_entry where id = 4", "delete from audit_seal where position = 4"], 4),
        (
            [
                "delete from audit_entry where id = 4",
                "delete from audit_seal where position = 4",
                "update audit_seal set position = position - 1 where position > 4",
            ],
            4,
        ),
        (
            [
                "update audit_seal set entry_id = -entry_id where position in (4, 7)",
                "update audit_seal set entry_id = 11 + entry_id where position in (4, 7)",
            ],
            4,
        ),
        (["delete from audit_entry where id = 1", "delete from audit_seal where position = 1"], 1),
    ],
    ids=["changed", "another time", "another fact", "another hash", "deleted", "deleted with its seal",
         "deleted and closed up", "swapped", "the first deleted"],
)  # fmt: skip
async def test_tampering_is_found_at_its_place(world: World, statements: list[str], position: int) -> None:
    await logged(world)
    await tamper(world, *statements)
    _, broken = await verified(world)
    assert broken is not None
    assert broken.position == position


async def test_a_tail_that_was_cut_is_found_by_a_head_noted_outside(world: World) -> None:
    head = await logged(world)
    await tamper(world, "delete from audit_seal where position > 7", "delete from audit_entry where id > 7")
    assert (await verified(world))[1] is None, "what is left is whole: only the noted head can tell"
    _, broken = await verified(world, head)
    assert broken is not None
    assert (broken.position, "cut off" in broken.reason) == (8, True)


async def test_a_log_written_anew_from_some_entry_on_is_found_by_a_noted_head(world: World) -> None:
    head = await logged(world)
    await tamper(
        world,
        "delete from audit_seal where position >= 4",
        "update audit_entry set who = 'key:ak_2' where id = 4",
    )
    assert (await sealed(world)).position == head.position
    assert (await verified(world))[1] is None
    _, broken = await verified(world, head)
    assert broken is not None
    assert "written anew" in broken.reason


async def test_an_old_entry_outside_the_chain_is_found(world: World) -> None:
    await logged(world)
    await world.run("insert into audit_entry (at, kind, who, why) values (now() - interval '1 day', 'x', 'y', '')")
    _, broken = await verified(world)
    assert broken is not None
    assert (broken.entry_id, "never sealed" in broken.reason) == (11, True)


async def test_entries_of_many_transactions_at_once_are_each_sealed_once(world: World) -> None:
    async def write(number: int) -> None:
        async with world.database.transaction() as session:
            await note_change(session, "test.noted", who=f"key:{number}")
            await asyncio.sleep(0.01 * (number % 3))  # commits come in another order than entries

    async def seal() -> None:
        async with world.database.transaction() as session:
            await seal_entries(session)

    work: list[Callable[[], Awaitable[None]]] = []
    for number in range(30):
        work += [lambda number=number: write(number), *([seal] * (number % 5 == 0))]  # type: ignore[misc]
    await asyncio.gather(*(one() for one in work))
    head = await sealed(world)
    assert head.position == 30
    assert await verified(world) == (head, None)
    assert await world.run("select count(distinct entry_id) from audit_seal") == [(30,)]


async def test_an_entry_of_a_rolled_back_transaction_leaves_no_gap(world: World) -> None:
    await logged(world, 2)
    with pytest.raises(RuntimeError):
        async with world.database.transaction() as session:
            await note_change(session, "test.noted", who="nobody")
            raise RuntimeError
    head = await logged(world, 2)
    assert await verified(world) == (Head(4, head.hash), None)


async def test_the_exported_chain_can_be_verified_without_the_database(world: World) -> None:
    head = await logged(world)
    lines = [entry.model_dump_json() async for entry in exported_chain(world.database)]

    def check(exported: list[str]) -> BrokenChain | None:
        chain = ChainCheck(head)
        for line in exported:
            entry = SealedEntry.model_validate(json.loads(line))
            chain.take(entry.position, entry.hash, entry)
        return chain.end()

    assert check(lines) is None
    changed = lines[3].replace('"who":"key:ak_1"', '"who":"key:ak_9"')
    assert check([*lines[:3], changed, *lines[4:]]) is not None
    assert check(lines[:-1]) is not None


@pytest.mark.parametrize("text", ["", "12", "12:abc", "x:" + "0" * 64])
def test_a_head_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="POSITION:HASH"):
        parse_head(text)
    assert parse_head(str(Head(3, "ab" * 32))) == Head(3, "ab" * 32)


async def test_another_key_for_numbers_is_noted_and_is_no_break_of_the_chain(world: World) -> None:
    async with world.database.transaction() as session:
        assert [await note_number_key(session, check) for check in ("a", "a", "b")] == [False, False, True]
    await logged(world)
    assert (await verified(world))[1] is None
    async with world.database.transaction() as session:
        [change] = await key_changes(session)
        noted = await list_audit(session, kind="audit.number_key")
    assert {entry.id: entry.details["check"] for entry, _seal in noted}[change.entry_id] == "b"
