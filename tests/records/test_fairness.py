"""Pins down, by random accounts: lines and rates are never exceeded, equals get equal shares, and nobody starves."""

import time
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cadenza.domain.pacing import CARRIED_SECONDS
from cadenza.records.admission import AdmissionTick, admit_due_leads
from cadenza.records.database import Database
from tests.records.conftest import ACCOUNT, World
from tests.support.gates import CAMPAIGN_ONLY
from tests.support.servers import empty_database

pytestmark = pytest.mark.no_cover  # many examples of lines that other tests cover
LEADS = 12

_campaigns = st.lists(
    st.fixed_dictionaries(
        {"priority": st.integers(1, 3)},
        optional={
            "max_lines": st.integers(1, 4),
            "calls_per_second": st.sampled_from([0.5, 1.0, 2.5]),
        },
    ),
    min_size=1,
    max_size=4,
)
_FEW = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


async def tick(world: World, seconds: float) -> AdmissionTick:
    """As if so much time had gone by since the last one: what was stored then is moved into the past."""
    await world.run(
        """
        update account set last_tick_at = last_tick_at - make_interval(secs => :s),
               paces = coalesce((select jsonb_object_agg(key, value || jsonb_build_object(
                   'at', (cast(value ->> 'at' as timestamptz) - make_interval(secs => :s))::text))
                   from jsonb_each(paces)), '{}')
        """,
        s=seconds,
    )
    async with world.database.transaction() as session:
        return await admit_due_leads(session, ACCOUNT, CAMPAIGN_ONLY)


async def lines_by_campaign(world: World) -> Counter[str]:
    rows = await world.run("select campaign_id, count(*) as lines from attempt where outcome is null group by 1")
    return Counter({row.campaign_id: row.lines for row in rows})


async def fresh(
    url: str, lines: int, rate: float, policies: list[dict[str, Any]], leads: int = LEADS
) -> tuple[World, list[str]]:
    empty_database(url)
    world = World(Database(url))
    await world.account(lines=lines, calls_per_second=rate)
    campaigns = [await world.campaign(**policy) for policy in policies]
    for campaign in campaigns:
        await world.leads(campaign, leads)
    return world, campaigns


@given(lines=st.integers(1, 12), rate=st.sampled_from([1.0, 4.0, 50.0]), policies=_campaigns, data=st.data())
@_FEW
async def test_lines_and_rates_are_never_exceeded_and_equals_share_equally(
    tables_url: str, lines: int, rate: float, policies: list[dict[str, Any]], data: st.DataObject
) -> None:
    world, campaigns = await fresh(tables_url, lines, rate, policies)
    made: Counter[str] = Counter()
    elapsed, started = 0.0, time.monotonic()
    for number in range(4):
        seconds = data.draw(st.sampled_from([0.0, 0.5, 1.0])) if number else 0.0
        elapsed += seconds
        admitted = (await tick(world, seconds)).admitted
        made.update(one.campaign_id for one in admitted)
        in_use = await lines_by_campaign(world)
        assert in_use.total() <= lines
        seconds_at_most = elapsed + time.monotonic() - started + CARRIED_SECONDS
        assert made.total() <= max(1.0, rate) + rate * seconds_at_most
        for campaign, policy in zip(campaigns, policies, strict=True):
            assert in_use[campaign] <= policy.get("max_lines", lines)
            own = policy.get("calls_per_second", 100.0)
            assert made[campaign] <= max(1.0, own) + own * seconds_at_most
    await world.database.close()


@given(lines=st.integers(1, 12), count=st.integers(2, 4), priority=st.integers(1, 5))
@_FEW
async def test_equal_campaigns_have_equal_lines_within_one(
    tables_url: str, lines: int, count: int, priority: int
) -> None:
    world, campaigns = await fresh(tables_url, lines, 50.0, [{"priority": priority}] * count)
    for ended in (0, 1, 2):
        await world.run(
            "update attempt set state = 'ended', outcome = 'no_answer', ended_at = now() where id in "
            "(select id from attempt where outcome is null order by id limit :ended)",
            ended=ended,
        )
        await tick(world, 1.0)
        in_use = await lines_by_campaign(world)
        shares = [in_use[campaign] for campaign in campaigns]
        assert sum(shares) == min(lines, LEADS * count)
        assert max(shares) - min(shares) <= 1
    await world.database.close()


@given(lines=st.integers(1, 3), count=st.integers(2, 4))
@_FEW
async def test_with_fewer_lines_than_campaigns_every_lead_still_has_its_turn(
    tables_url: str, lines: int, count: int
) -> None:
    world, _ = await fresh(tables_url, lines, 50.0, [{}] * count, leads=2)
    # Whoever was called comes again at once, behind those who wait: each has its turn within twice the shortest time
    for _ in range(2 * -(-2 * count // lines)):
        await tick(world, 1.0)
        await world.run("update attempt set state = 'ended', outcome = 'no_answer', ended_at = now()")
        await world.run("update lead set state = 'due', due_at = clock_timestamp() where state = 'calling'")
    [called] = await world.run("select count(distinct lead_id) as leads from attempt")
    assert called.leads == 2 * count
    await world.database.close()
