"""Pins down: one claim, one call, one outcome for each attempt, whatever is repeated, late or out of order."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from cadenza.domain.gate import GateDecision, Rule
from cadenza.domain.messages import CallProgressed
from cadenza.domain.outcomes import AnsweredBy, AttemptOutcome, CallStatus, LeadOutcome
from cadenza.domain.retry import NextStep, StepKind
from cadenza.records import attempts
from cadenza.records.admission import admit_due_leads
from cadenza.records.attempts import Submission
from cadenza.records.call_context import note_agent_heard
from cadenza.records.finishing import FinishAttempt, finish_attempt, finish_lead, report_due
from cadenza.records.suppressions import suppress_number
from cadenza.records.tables import Attempt
from tests.records.conftest import ACCOUNT, World
from tests.support.gates import CAMPAIGN_ONLY


async def admitted(world: World, **policy: object) -> str:
    await world.account()
    await world.leads(await world.campaign(**policy))
    async with world.database.transaction() as session:
        [admission] = (await admit_due_leads(session, ACCOUNT, CAMPAIGN_ONLY)).admitted
    return admission.message.attempt_id


async def claim(world: World, attempt_id: str) -> Submission | GateDecision:
    async with world.database.transaction() as session:
        return await attempts.claim_for_submission(session, attempt_id, CAMPAIGN_ONLY)


async def tell(world: World, attempt_id: str, status: CallStatus, sequence: int, call_sid: str = "CA1") -> bool:
    async with world.database.transaction() as session:
        return await attempts.apply_call_status(
            session,
            CallProgressed(
                attempt_id=attempt_id, call_sid=call_sid, status=status, sequence=sequence, at=datetime.now(UTC)
            ),
        )


async def finish(world: World, attempt_id: str, outcome: AttemptOutcome) -> NextStep:
    async with world.database.transaction() as session:
        return await finish_attempt(session, FinishAttempt(attempt_id=attempt_id, outcome=outcome), CAMPAIGN_ONLY)


async def state(world: World, attempt_id: str) -> str:
    async with world.database.transaction() as session:
        return (await attempts.get_attempt(session, attempt_id)).state


async def test_only_one_of_many_claims_may_submit(world: World) -> None:
    attempt_id = await admitted(world)
    claims = await asyncio.gather(*(claim(world, attempt_id) for _ in range(6)))
    assert sum(isinstance(each, Submission) for each in claims) == 1


async def test_a_claim_after_the_lease_is_refused_and_stored(world: World) -> None:
    attempt_id = await admitted(world)
    await world.run("update attempt set lease_until = now()")
    decision = await claim(world, attempt_id)
    assert isinstance(decision, GateDecision)
    assert decision.rule is Rule.LEASE_LAPSED
    assert await state(world, attempt_id) == "refused"
    [refusal] = await world.run("select stage, rule from gate_refusal")
    assert (refusal.stage, refusal.rule) == ("before_post", "lease_lapsed")


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("update campaign set state = 'paused'", Rule.CAMPAIGN_NOT_RUNNING),
        ("update campaign set state = 'cancelled'", Rule.CAMPAIGN_CANCELLED),
        ("update lead set close_as = 'cancelled'", Rule.LEAD_CLOSED),
        ("update lead set phone = '+18005550100'", Rule.NUMBER_NOT_CALLABLE),
    ],
)
async def test_the_gates_are_asked_again_before_the_post(world: World, change: str, rule: Rule) -> None:
    attempt_id = await admitted(world)
    await world.run(change)
    decision = await claim(world, attempt_id)
    assert isinstance(decision, GateDecision)
    assert decision.rule is rule


@pytest.mark.parametrize(
    "order", list(permutations([(CallStatus.RINGING, 1), (CallStatus.IN_PROGRESS, 2), (CallStatus.COMPLETED, 3)]))
)
async def test_callbacks_in_any_order_and_twice_end_in_the_same_state(
    world: World, order: tuple[tuple[CallStatus, int], ...]
) -> None:
    attempt_id = await admitted(world)
    await claim(world, attempt_id)
    for status, sequence in (*order, *order):
        assert await tell(world, attempt_id, status, sequence)
    async with world.database.transaction() as session:
        await attempts.record_placed(session, attempt_id, "CA1")  # the POST's own reply comes last
        attempt = await attempts.get_attempt(session, attempt_id)
        assert attempt.carrier_status == "completed"
        assert attempt.ended_at is not None
        assert attempt.answered_at is not None
        assert attempt.state in {"in_progress", "ringing"}


@pytest.mark.parametrize("last", [CallStatus.BUSY, CallStatus.COMPLETED])
async def test_a_late_word_undoes_no_end_that_came_after_it_was_first_looked_at(world: World, last: CallStatus) -> None:
    attempt_id = await admitted(world)
    await claim(world, attempt_id)
    async with world.database.transaction() as session:
        looked_at = await session.get(Attempt, attempt_id)  # as a webhook's route looks whom it is about
        assert looked_at is not None
        assert await tell(world, attempt_id, last, 2)
        await finish(world, attempt_id, AttemptOutcome.BUSY)
        await attempts.apply_call_status(session, CallProgressed(
            attempt_id=attempt_id, call_sid="CA1", status=CallStatus.RINGING, sequence=1, at=datetime.now(UTC)
        ))  # fmt: skip
    async with world.database.transaction() as session:
        attempt = await attempts.get_attempt(session, attempt_id)
        assert (attempt.state, attempt.carrier_status) == ("ended", last.value)


async def test_an_opt_out_between_the_first_look_and_the_answer_is_obeyed(world: World) -> None:
    attempt_id = await admitted(world)
    submission = await claim(world, attempt_id)
    assert isinstance(submission, Submission)
    await tell(world, attempt_id, CallStatus.RINGING, 1)
    async with world.database.transaction() as session:
        looked_at = await session.get(Attempt, attempt_id)
        assert looked_at is not None
        await finish(world, attempt_id, AttemptOutcome.NO_ANSWER)
        await attempts.admit_answer(session, attempt_id, "CA1", CAMPAIGN_ONLY)
    assert await state(world, attempt_id) == "ended"


async def test_a_claim_holds_for_less_than_a_pause_may_take_to_act(world: World) -> None:
    attempt_id = await admitted(world, lease_seconds=30)
    submission = await claim(world, attempt_id)
    assert isinstance(submission, Submission)
    assert submission.good_for == attempts.CLAIM_HOLDS < timedelta(seconds=2)


async def test_a_second_call_for_one_attempt_is_refused_at_the_answer(world: World) -> None:
    attempt_id = await admitted(world)
    await claim(world, attempt_id)
    assert await tell(world, attempt_id, CallStatus.RINGING, 1)
    assert not await tell(world, attempt_id, CallStatus.RINGING, 1, call_sid="CA2")
    async with world.database.transaction() as session:
        assert (await attempts.admit_answer(session, attempt_id, "CA1", CAMPAIGN_ONLY, AnsweredBy.HUMAN)).allowed
        assert (await attempts.admit_answer(session, attempt_id, "CA2", CAMPAIGN_ONLY)).rule is Rule.OTHER_CALL
        assert not (await attempts.admit_answer(session, "nobody-1", "CA3", CAMPAIGN_ONLY)).allowed


async def test_an_opt_out_while_it_rings_is_obeyed_at_the_answer(world: World) -> None:
    attempt_id = await admitted(world)
    await claim(world, attempt_id)
    async with world.database.transaction() as session:
        phone = (await attempts.get_attempt(session, attempt_id)).phone
        await suppress_number(session, phone, reason="asked", source="api")
    async with world.database.transaction() as session:
        assert (await attempts.admit_answer(session, attempt_id, "CA1", CAMPAIGN_ONLY)).rule is Rule.SUPPRESSED


async def test_finishing_twice_counts_once_and_frees_the_line(world: World) -> None:
    attempt_id = await admitted(world)
    await claim(world, attempt_id)
    first = await finish(world, attempt_id, AttemptOutcome.NO_ANSWER)
    again = await finish(world, attempt_id, AttemptOutcome.BOOKED)
    assert first.kind is again.kind is StepKind.RETRY
    lead = await world.lead(attempt_id.rsplit("-", 1)[0])
    assert (lead.attempts_made, lead.state) == (1, "waiting")
    assert await state(world, attempt_id) == "ended"
    async with world.database.transaction() as session:
        assert await report_due(session, lead.id)
        assert not await report_due(session, lead.id)


@pytest.mark.parametrize(
    ("heard_after", "tally"), [(1.0, "person"), (3.0, "abandoned"), (None, "abandoned")]
)  # fmt: skip
async def test_a_finished_attempt_counts_by_when_the_person_heard_us(
    world: World, heard_after: float | None, tally: str
) -> None:
    attempt_id = await admitted(world)
    await claim(world, attempt_id)
    await tell(world, attempt_id, CallStatus.IN_PROGRESS, 2)
    await world.run(
        "insert into call_event (attempt_id, kind, fingerprint, call_sid, received_at) "
        "values (:id, 'answer', 'one', 'CA1', now() - interval '20 seconds')",
        id=attempt_id,
    )
    if heard_after is not None:
        for seconds_ago in (20 - heard_after, 0.0):  # only the first sound counts
            async with world.database.transaction() as session:
                await note_agent_heard(session, attempt_id, seconds_ago)
    await finish(world, attempt_id, AttemptOutcome.HUNG_UP)
    [row] = await world.run("select tally from attempt")
    assert row.tally == tally


async def test_an_attempt_that_was_not_made_counts_for_no_breaker(world: World) -> None:
    attempt_id = await admitted(world)
    await world.run("update campaign set state = 'paused'")
    await claim(world, attempt_id)
    await finish(world, attempt_id, AttemptOutcome.REFUSED)
    [row] = await world.run("select tally from attempt")
    assert row.tally is None


async def test_a_lead_gets_one_final_outcome_and_keeps_it(world: World) -> None:
    attempt_id = await admitted(world)
    await claim(world, attempt_id)
    lead_id = attempt_id.rsplit("-", 1)[0]
    assert (await finish(world, attempt_id, AttemptOutcome.BOOKED)).outcome is LeadOutcome.BOOKED
    async with world.database.transaction() as session:
        kept = await finish_lead(session, lead_id, LeadOutcome.CANCELLED, "cancelled")
    assert kept is LeadOutcome.BOOKED
    assert (await finish(world, attempt_id, AttemptOutcome.NO_ANSWER)).outcome is LeadOutcome.BOOKED


async def test_the_message_may_be_played_by_one_attempt_only_and_once(world: World) -> None:
    attempt_id = await admitted(world)

    async def try_to_claim() -> bool:
        async with world.database.transaction() as session:
            return await attempts.claim_voicemail(session, attempt_id)

    assert sum(await asyncio.gather(*(try_to_claim() for _ in range(4)))) == 1
    async with world.database.transaction() as session:
        await attempts.record_voicemail_played(session, attempt_id)
        assert (await attempts.get_attempt(session, attempt_id)).voicemail_played_at is not None


async def test_a_doubtful_attempt_never_goes_back_to_reserved(world: World) -> None:
    attempt_id = await admitted(world)
    await claim(world, attempt_id)
    async with world.database.transaction() as session:
        await attempts.mark_doubtful(session, attempt_id)
    assert isinstance(await claim(world, attempt_id), GateDecision)
    async with world.database.transaction() as session:
        await attempts.record_rejected(session, attempt_id, "21211", "not a number")
    assert await state(world, attempt_id) == "refused"


async def test_an_unknown_verdict_never_overwrites_a_finding(world: World) -> None:
    attempt_id = await admitted(world)
    for verdict in (AnsweredBy.MACHINE_START, AnsweredBy.UNKNOWN):
        async with world.database.transaction() as session:
            await attempts.record_answered_by(session, attempt_id, verdict)
    async with world.database.transaction() as session:
        assert (await attempts.get_attempt(session, attempt_id)).answered_by == "machine_start"


async def test_an_attempt_that_is_not_there_is_a_typed_error(world: World) -> None:
    async with world.database.transaction() as session:
        with pytest.raises(attempts.UnknownAttempt):
            await attempts.get_attempt(session, "nobody-1")


@pytest.mark.parametrize("told_first", ["the word", "the end"])
@pytest.mark.parametrize(
    ("word", "said", "outcome", "reason"),
    [
        (CallStatus.RINGING, AttemptOutcome.WITHDRAWN, "no_answer", "called off while it was ringing"),
        (CallStatus.IN_PROGRESS, AttemptOutcome.WITHDRAWN, "unknown", "called off as it was answered"),
        (CallStatus.IN_PROGRESS, AttemptOutcome.NO_ANSWER, "unknown", "called off as it was answered"),
    ],
)
async def test_a_call_that_rang_before_it_was_called_off_counts_for_what_it_was(
    world: World, told_first: str, word: CallStatus, said: AttemptOutcome, outcome: str, reason: str
) -> None:
    attempt_id = await admitted(world)
    await claim(world, attempt_id)
    if told_first == "the word":
        await tell(world, attempt_id, word, 1)
    await finish(world, attempt_id, said)
    if told_first == "the end":
        await tell(world, attempt_id, word, 1)
    [row] = await world.run("select outcome, outcome_reason, tally from attempt")
    assert (row.outcome, row.outcome_reason) == (outcome, reason)
    assert row.tally == ("person" if outcome == "unknown" else "no_person")
