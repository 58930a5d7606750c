"""Pins down: the last word on a call is that of the stream that took it up last."""

import pytest

from cadenza.domain.outcomes import AttemptOutcome
from cadenza.records.admission import admit_due_leads
from cadenza.records.attempts import get_attempt
from cadenza.records.call_context import claim_call, finish_unless_claimed
from tests.records.conftest import ACCOUNT, World
from tests.support.gates import CAMPAIGN_ONLY


@pytest.mark.parametrize(("claims", "over"), [(1, True), (2, False)], ids=["the only stream", "taken up by another"])
async def test_a_broken_stream_ends_the_call_unless_a_later_one_has_it(world: World, claims: int, over: bool) -> None:
    await world.account()
    await world.leads(await world.campaign())
    async with world.database.transaction() as session:
        [admission] = (await admit_due_leads(session, ACCOUNT, CAMPAIGN_ONLY)).admitted
    attempt_id = admission.message.attempt_id
    async with world.database.transaction() as session:
        first = await claim_call(session, attempt_id, "br_1")
        assert first is not None
        for _ in range(claims - 1):
            await claim_call(session, attempt_id, "br_1")  # the same process may take it up again
    async with world.database.transaction() as session:
        assert await finish_unless_claimed(session, attempt_id, AttemptOutcome.HUNG_UP, first) is over
    async with world.database.transaction() as session:
        attempt = await get_attempt(session, attempt_id)
    assert attempt.conversation_over is over
    async with world.database.transaction() as session:
        assert (await claim_call(session, attempt_id, "br_2") is None) is over
    assert attempt.conversation_outcome == (AttemptOutcome.HUNG_UP if over else None)
