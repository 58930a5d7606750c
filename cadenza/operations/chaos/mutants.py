"""Takes one safeguard out of the running system, so that the judge can show that it would notice.

`python -m cadenza.operations.chaos.mutants MUTATION MODULE` replaces a function and then runs the real process; the
module `up` is the supervisor, whose children become mutants too. Nothing in production code knows of this, and what is
replaced is found by its name at run time: this kernel imports none of the folders above it.
"""

import asyncio
import importlib
import math
import runpy
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import text
from temporalio import activity

from cadenza.domain.call_result import Submission
from cadenza.domain.gate import GateDecision
from cadenza.domain.outcomes import AttemptState
from cadenza.domain.policy import CampaignPolicy
from cadenza.records import attempts
from cadenza.records.tables import Campaign


class Mutation(StrEnum):
    """The safeguard that is missing."""

    LEASE = "lease"
    RECONCILE = "reconcile"
    WEBHOOK_STORE = "webhook_store"
    LAST_GATE = "last_gate"


def command(mutation: Mutation, module: str = "up") -> tuple[str, ...]:
    """What runs the module without that safeguard."""
    return (sys.executable, "-m", "cadenza.operations.chaos.mutants", mutation.value, module)


def _without_lease() -> None:
    """A late claim is as good as one in time, also of an attempt that the dialer has taken back."""
    claim_in_time = attempts.claim_for_submission
    lock = text("select lease_until from attempt where id = :id for update")
    prolong = text(
        "update attempt set lease_until = now() + interval '1 hour', state = 'reserved' "
        "where id = :id and state in ('reserved', 'lapsed')"
    )
    put_back = text("update attempt set lease_until = :lease where id = :id")

    async def claim(session: Any, attempt_id: str, gate: Any) -> Any:
        lease = (await session.execute(lock, {"id": attempt_id})).scalar_one()
        await session.execute(prolong, {"id": attempt_id})
        claimed = await claim_in_time(session, attempt_id, gate)
        await session.execute(put_back, {"id": attempt_id, "lease": lease})
        return claimed

    attempts.claim_for_submission = claim


def _without_reconcile() -> None:
    """What may have rung is not asked about: the request is sent again."""
    calling = importlib.import_module("activities.calling")
    models = importlib.import_module("activities.call_models")
    ask = calling.CallingActivities.reconcile_call

    async def reconcile_call(self: Any, ref: Any) -> Any:
        async with self._database.transaction() as session:
            attempt = await attempts.get_attempt(session, ref.attempt_id)
            campaign = await session.get_one(Campaign, attempt.campaign_id)
        if attempt.state not in {AttemptState.SUBMITTING, AttemptState.DOUBTFUL}:
            return await ask(self, ref)
        again = attempts.Submission(
            attempt_id=attempt.id,
            lead_id=attempt.lead_id,
            campaign_id=attempt.campaign_id,
            to=attempt.phone,
            from_number=attempt.from_number,
            policy=CampaignPolicy.model_validate(campaign.policy),
            good_for=timedelta.max,
        )
        sid = await self._carrier.place_call(self._request(again, attempt.leaves_voicemail), not_after=math.inf)
        async with self._database.transaction() as session:
            await attempts.record_placed(session, attempt.id, sid)
        return models.PlacedCall(submission=Submission.PLACED, call_sid=sid)

    calling.CallingActivities.reconcile_call = _as_activity(reconcile_call, ref=models.AttemptRef, of=models.PlacedCall)


def _as_activity(function: Callable[..., Any], *, ref: type, of: type) -> Callable[..., Any]:
    """With the types by which Temporal reads its input."""
    function.__annotations__ = {"ref": ref, "return": of}
    return activity.defn(function)


def _without_webhook_store() -> None:
    """A webhook is answered at once and acted on once, from memory."""
    twilio: Any = importlib.import_module("api.routes.twilio")
    store_and_take = twilio._take
    at_work: set[asyncio.Task[None]] = set()

    async def take(context: Any, kind: Any, attempt_id: str, form: Any, visit: str = "", **more: str) -> None:
        fields = {name: value for name, value in form.items() if isinstance(value, str)} | more
        if twilio.is_delivered(kind, fields):
            task = asyncio.create_task(act(context, kind, attempt_id, fields))
            at_work.add(task)
            task.add_done_callback(at_work.discard)
        else:
            await store_and_take(context, kind, attempt_id, form, visit, **more)

    async def act(context: Any, kind: Any, attempt_id: str, fields: dict[str, str]) -> None:
        payload = twilio.kept_fields(kind, fields)
        async with context.database.transaction() as session:
            attempt = await attempts.get_attempt(session, attempt_id)
            event = twilio.StoredEvent(
                0, attempt_id, attempt.campaign_id, attempt.lead_id, kind.value, fields.get("CallSid", ""), payload
            )
            await twilio.apply_event(session, event)
        await context.delivery._send(event)

    twilio._take = take


def _without_last_gate() -> None:
    """Every answered call is put through."""

    async def open_gate(*_: Any, **__: Any) -> Any:
        return GateDecision()

    attempts.admit_answer = open_gate


_WORKER, _API = "workflows", "api"
_TAKE_OUT: dict[Mutation, tuple[str, Callable[[], None]]] = {
    Mutation.LEASE: (_WORKER, _without_lease),
    Mutation.RECONCILE: (_WORKER, _without_reconcile),
    Mutation.WEBHOOK_STORE: (_API, _without_webhook_store),
    Mutation.LAST_GATE: (_API, _without_last_gate),
}
"""The process that has the safeguard, and what takes it out there."""


def main(arguments: Sequence[str]) -> None:
    """Run the mutant."""
    mutation, module = Mutation(arguments[0]), arguments[1]
    if module == "up":
        system: Any = importlib.import_module("cadenza.operations.system")
        own = dict(system._MODULES)
        system._command = lambda name: list(command(mutation, own[name]))
        sys.argv = ["cadenza", "up"]
        importlib.import_module("cadenza.cli").main()
    else:
        place, take_out = _TAKE_OUT[mutation]
        if module == place:
            take_out()
        sys.argv = [module]
        runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
