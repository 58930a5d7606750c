"""Which calling rules are in force: the process's book (the standard rules, and the file of CALLING_RULES over them),
and over that what was changed through the API. Every book is on record with the first decision that is made by it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pydantic import ValidationError
from sqlalchemy import event, text
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.gate import Gate
from cadenza.domain.open_times import zone_data_version
from cadenza.domain.rules.differences import differences
from cadenza.domain.rules.loosened import loosened
from cadenza.domain.rules.rule_book import RuleBook, RulesRefused, RuleTable, standard_rules
from cadenza.records.audit import note_change
from cadenza.records.held_leads import wake_held
from cadenza.records.rule_tables import RuleOverlayRow, RuleVersion

_LOCK = 7_405_118_306
"""One change, or one note of a book, at a time: so ids are in the order of commits, and the newest row is the last."""
_LOGGED_CHANGES = 50
"""In the audit log's entry; the row of `rule_version` has all."""
_ENGINE = "engine"
_STARTED = "a process came with these rules"


class Rules(Protocol):
    """Where the gate comes from."""

    async def gate(self, session: AsyncSession) -> Gate:
        """The gate under the rules in force, as the caller's transaction sees them."""
        ...


class RulesInForce:
    """One for each process. A change through the API holds in every process from the next transaction on: each asks
    for the newest change's id, which costs a look at one index, and makes a new gate only when it is another.

    All in the caller's transaction: one that waited for a second connection while it holds its own could wait for ever.
    """

    def __init__(self, base: RuleBook) -> None:
        self.base = base
        self._gate: Gate | None = None
        self._overlay_id = 0
        self._on_record = ""  # the version of which a committed row tells

    async def gate(self, session: AsyncSession) -> Gate:
        """Raises RulesRefused if the changes do not fit this process's book: then nobody is called by it."""
        newest = (await session.execute(text("select coalesce(max(id), 0) from rule_overlay"))).scalar_one()
        if self._gate is None or newest > self._overlay_id:  # a look may be older than the one before
            row = await newest_overlay(session)
            self._gate = Gate(_with(self.base, row))
            self._overlay_id = (row.id or 0) if row else 0
        gate = self._gate
        if gate.rules.version != self._on_record:
            await self._put_on_record(session, gate.rules)
        return gate

    async def _put_on_record(self, session: AsyncSession, book: RuleBook) -> None:
        """With the caller's commit, or with the next one. Where somebody else is at it, it is theirs to do."""
        free = await session.execute(text("select pg_try_advisory_xact_lock(:key)"), {"key": _LOCK})
        if not free.scalar_one():
            return
        await _note_in_force(session, book, self._overlay_id or None, who=_ENGINE, why=_STARTED)

        def done(_: object) -> None:
            self._on_record = book.version

        event.listen(session.sync_session, "after_commit", done, once=True)


@dataclass(frozen=True)
class RuleChange:
    """What new changes would do. `before` is the version in force; `weakened` are the rules of law that hold now and
    would not any more."""

    before: str
    book: RuleBook
    overlay: Mapping[str, Any] | None
    changes: list[str]
    weakened: list[str]

    @property
    def changes_nothing(self) -> bool:
        return self.book.version == self.before


async def plan_change(session: AsyncSession, base: RuleBook, overlay: Mapping[str, Any] | None) -> RuleChange:
    """Lay `overlay` (None: nothing) over `base` instead of what lies there now. Nobody else changes the rules until the
    transaction ends. Raises RulesRefused."""
    await _lock(session)
    try:
        now = _with(base, await newest_overlay(session))
    except RulesRefused:  # nobody is called by them: there is nothing that could be weakened
        now = base
    book = base if overlay is None else base.with_overlay(overlay)
    before = set(loosened(standard_rules(), now))
    return RuleChange(
        before=now.version,
        book=book,
        overlay=overlay,
        changes=differences(now.table, book.table),
        weakened=[one for one in loosened(standard_rules(), book) if one not in before],
    )


async def put_in_force(session: AsyncSession, change: RuleChange, *, who: str, why: str) -> None:
    """From the commit on. Leads held by a rule are asked about again."""
    row = RuleOverlayRow(overlay=None if change.overlay is None else dict(change.overlay), who=who, why=why)
    session.add(row)
    await session.flush()
    await _note_in_force(session, change.book, row.id, who=who, why=why)
    await wake_held(session)


async def newest_overlay(session: AsyncSession) -> RuleOverlayRow | None:
    """The last change, also if it withdrew all changes; None if there never was one."""
    return (await session.exec(select(RuleOverlayRow).order_by(col(RuleOverlayRow.id).desc()).limit(1))).first()


async def list_rule_versions(
    session: AsyncSession, *, at: datetime | None = None, before: int | None = None, limit: int = 50
) -> list[tuple[RuleVersion, datetime | None]]:
    """The books that were in force, newest first, each with when the next one came; with `at` those that had come into
    force by then."""
    later = aliased(RuleVersion)
    until = select(later.in_force_at).where(col(later.id) > col(RuleVersion.id)).order_by(col(later.id)).limit(1)
    query = select(RuleVersion, until.scalar_subquery()).order_by(col(RuleVersion.id).desc()).limit(limit)
    if at is not None:
        query = query.where(col(RuleVersion.in_force_at) <= at)
    if before is not None:
        query = query.where(col(RuleVersion.id) < before)
    return [(row, ended) for row, ended in await session.exec(query)]


async def find_rule_version(session: AsyncSession, version: str) -> RuleVersion | None:
    """The first time that this book came into force; equal versions are equal rules."""
    query = select(RuleVersion).where(RuleVersion.version == version).order_by(col(RuleVersion.id)).limit(1)
    return (await session.exec(query)).first()


def _with(base: RuleBook, row: RuleOverlayRow | None) -> RuleBook:
    return base if row is None or row.overlay is None else base.with_overlay(row.overlay)


async def _lock(session: AsyncSession) -> None:
    await session.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})


async def _note_in_force(session: AsyncSession, book: RuleBook, overlay_id: int | None, *, who: str, why: str) -> None:
    """Once for each change, by whoever comes first."""
    last = (await session.exec(select(RuleVersion).order_by(col(RuleVersion.id).desc()).limit(1))).first()
    if last is not None and last.version == book.version:
        return
    changes = _changes_since(last, book)
    weakened = loosened(standard_rules(), book)
    session.add(
        RuleVersion(
            version=book.version, who=who, why=why, overlay_id=overlay_id,
            zone_data=zone_data_version(), changes=changes, weakened=weakened, rules=book.content,
        )
    )  # fmt: skip
    await note_change(
        session, "rules.in_force", who=who, why=why, version=book.version, before=last.version if last else None,
        changes=changes[:_LOGGED_CHANGES], changes_in_all=len(changes), weakened=weakened[:_LOGGED_CHANGES],
    )  # fmt: skip


def _changes_since(last: RuleVersion | None, book: RuleBook) -> list[str]:
    if last is None:
        return []
    try:
        before = RuleTable.model_validate({"version": "before", **last.rules})
    except ValidationError:
        return ["the book before is of a release with another form of rules: compare the two by eye"]
    return differences(before, book.table)
