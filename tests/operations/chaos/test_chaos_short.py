"""The short form of `cadenza chaos`: every process killed or frozen, every fault ordered, and no promise broken."""

import pytest

from cadenza.operations.chaos.run import ChaosOrder, ChaosResult, run_chaos
from cadenza.operations.chaos.schedule import Misfortune, Target, full_deck
from tests.support.servers import open_folder

LEADS = 24
KILLS = (Target.WORKER, Target.BRIDGE, Target.API, Target.POSTGRES, Target.TEMPORAL, Target.SUPERVISOR)

pytestmark = [pytest.mark.end_to_end, pytest.mark.servers, pytest.mark.long(180), pytest.mark.timeout(420)]


async def test_no_promise_is_broken_whatever_dies_freezes_or_gets_lost() -> None:
    others = [card for card in full_deck() if card.kind is not Misfortune.KILL]
    kills = [next(card for card in full_deck() if card.name == f"kill {target}") for target in KILLS]
    with open_folder("cadenza-chaos-") as folder:
        order = ChaosOrder(
            leads=LEADS,
            seed=3,
            kills=len(kills),
            data_dir=folder / "data",
            patience=300.0,
            gap=(0.3, 1.2),
            max_call_seconds=60,
            deck=[*kills, *others],
        )
        result: ChaosResult = await run_chaos(order, print)
    assert not result.card.violations, result.card.violations
    assert not result.timed_out
    assert result.card.leads == LEADS == sum(result.outcomes.values())
    assert set(result.kills) == set(KILLS)
    assert set(result.faults) == {card.name for card in others if card.kind is Misfortune.FAULT}
    assert result.struck > 0
