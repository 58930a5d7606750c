"""Leads that wait for a person: for a consent, or for a new copy of a register. They are not asked about in every tick:
`wake_held` frees them when what is missing may be there, and a slow repeat when nobody said so."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.gate import Rule
from cadenza.domain.gate_question import FOR_A_PERSON

ASKED_AGAIN_AFTER = timedelta(hours=6)


async def wake_held(
    session: AsyncSession, rules: Iterable[Rule] = FOR_A_PERSON, *, phones: Sequence[str] | None = None
) -> int:
    """Have the gate asked about leads held by one of `rules` in the next ticks; with `phones` only about theirs.

    Call it in the transaction that stores what was missing. Returns how many were woken.
    """
    woken = await session.execute(
        text(
            "update lead set held_rule = null, due_at = least(due_at, now()) where held_rule = any(:rules) "
            "and state in ('new', 'due') and (:everybody or phone = any(:phones))"
        ),
        {"rules": [rule.value for rule in rules], "everybody": phones is None, "phones": list(phones or ())},
    )
    return int(woken.rowcount)  # type: ignore[attr-defined]
