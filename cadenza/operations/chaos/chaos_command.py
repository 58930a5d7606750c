"""`cadenza chaos`: break everything while a rehearsal campaign runs, and let the judge say what held."""

import asyncio
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter

from cadenza.operations.chaos import mutants
from cadenza.operations.chaos.mutants import Mutation
from cadenza.operations.chaos.run import ChaosOrder, ChaosResult, run_chaos
from cadenza.operations.chaos.score_view import result_view, summary_view
from cadenza.operations.chaos.under_test import DidNotStart
from cadenza.operations.demo.demo_command import forget_last_time
from cadenza.operations.instance_lock import AlreadyRunning
from cadenza.operations.screen import console, show_error

_SECONDS_FOR_A_LEAD = 8.0
_LEAST_PATIENCE = 420.0
_RESULTS = TypeAdapter(list[ChaosResult])


def run_chaos_command(
    leads: int, seed: int, runs: int, kills: int | None, without: Mutation | None, json_file: Path | None
) -> int:
    """Run it for `runs` seeds from `seed` on; returns the exit code.

    0: no promise was broken; 1: one was, or a campaign did not come to its end; 2: it did not start.
    """
    results: list[ChaosResult] = []
    try:
        for one in range(seed, seed + runs):
            results.append(_run_one(leads, one, kills, without))
            if json_file is not None:
                json_file.write_bytes(_RESULTS.dump_json(results, indent=1))
    except (DidNotStart, AlreadyRunning) as error:
        show_error(str(error))
        return 2
    if runs > 1:
        console.print()
        console.print(summary_view(results))
    return max(exit_code(result) for result in results)


def _run_one(leads: int, seed: int, kills: int | None, without: Mutation | None) -> ChaosResult:
    data_dir = Path(".cadenza") / "chaos"
    data_dir.mkdir(parents=True, exist_ok=True)
    forget_last_time(data_dir.absolute())
    order = ChaosOrder(
        leads=leads,
        seed=seed,
        kills=kills if kills is not None else max(6, leads // 10),
        data_dir=data_dir.absolute(),
        opt_outs=max(2, leads // 30),
        patience=max(_LEAST_PATIENCE, leads * _SECONDS_FOR_A_LEAD),
    )
    if without is not None:
        order = replace(
            order,
            command=mutants.command(without),
            deck=mutants.deck(),
            kills=0,
            calls_per_second=2.0,
            opt_outs=leads // 4,
        )
    console.print(f"Cadenza chaos: {leads} leads, seed {seed}, up to {order.kills} kills; nothing leaves this machine")
    result = asyncio.run(run_chaos(order, _tell))
    console.print()
    console.print(result_view(result))
    return result


def exit_code(result: ChaosResult) -> int:
    return 0 if result.card.passed and not result.timed_out else 1


def _tell(words: str) -> None:
    console.print(f"  {words}", markup=False, soft_wrap=True)
