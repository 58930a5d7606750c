"""A lead that the law lets be called, at a set instant of the law's own book, and the four times the gate is asked."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.gate import Gate, GateDecision, GateFacts
from cadenza.domain.gate_question import RegisterFacts
from cadenza.domain.outcomes import AttemptOutcome
from cadenza.domain.retry import NextStep
from cadenza.domain.rules.rule_book import standard_rules
from cadenza.records import attempts
from cadenza.records.admission import AdmissionTick, admit_due_leads
from cadenza.records.attempts import Submission
from cadenza.records.finishing import FinishAttempt, finish_attempt
from cadenza.records.gate_facts import read_gate_facts
from tests.records.conftest import ACCOUNT, World

TUESDAY_NOON = datetime(2026, 11, 17, 17, tzinfo=UTC)  # 12:00 in New York
REGISTERED = ("US", "CA", "AU", "GB")


class SetGate(Gate):
    """The law's gate by a clock of its own: facts are real, hours are those of `moved` from the database's now.

    Facts hold instants of the database's clock; they are moved by the same distance.
    """

    def __init__(self, at: datetime, changes: Mapping[str, Any] | None = None) -> None:
        book = standard_rules()
        super().__init__(book.with_overlay(changes) if changes else book)
        self.shift = at - datetime.now(UTC)

    def check(self, facts: GateFacts, now: datetime) -> GateDecision:
        decision = super().check(self._moved(facts), now + self.shift)
        return decision.model_copy(update={"next_at": decision.next_at and decision.next_at - self.shift})

    def next_planned(self, facts: GateFacts, now: datetime) -> datetime | None:
        found = super().next_planned(self._moved(facts), now + self.shift)
        return found and found - self.shift

    def _moved(self, facts: GateFacts) -> GateFacts:
        return facts.model_copy(
            update={
                "recent_calls": [call + self.shift for call in facts.recent_calls],
                "abandoned_calls": [call + self.shift for call in facts.abandoned_calls],
                "registers": {key: copied + self.shift for key, copied in facts.registers.items()},
                "consent": facts.consent
                and facts.consent.model_copy(update={"given_at": facts.consent.given_at + self.shift}),
            }
        )


class Registers:
    """What the registers say, instead of tables: set by a test, for all numbers."""

    def __init__(self) -> None:
        self.copied: dict[str, timedelta] = dict.fromkeys(REGISTERED, timedelta(days=1))
        self.listed_on: frozenset[str] = frozenset()
        self.reassigned_on: Any = None

    async def __call__(self, session: AsyncSession, phones: Sequence[str]) -> dict[str, RegisterFacts]:
        now = datetime.now(UTC)
        facts = RegisterFacts(
            registers={key: now - age for key, age in self.copied.items()},
            listed_on=self.listed_on,
            reassigned_on=self.reassigned_on,
        )
        return dict.fromkeys(phones, facts)


class Law:
    """A campaign that calls at any hour, its lead, and the four times at which the gate is asked about it."""

    def __init__(self, world: World, registers: Registers) -> None:
        self.world = world
        self.registers = registers
        self.lead_id = ""
        self.phone = ""

    async def lead(self, phone: str, *, consent: str | None = "express_written", **fields: Any) -> str:
        await self.world.account()
        campaign = await self.world.campaign(max_calls_per_day=10, max_attempts=9)
        self.phone = phone
        [self.lead_id] = await self.world.leads(campaign, phone=phone, **fields)
        if consent:
            await self.agrees(consent)
        return self.lead_id

    async def agrees(self, kind: str, days_ago: int = 30) -> None:
        await self.world.run(
            "insert into consent (phone, kind, given_on, source, proof, recorded_at) "
            "values (:phone, :kind, null, '', '', now() - make_interval(days => :days))",
            phone=self.phone, kind=kind, days=days_ago,
        )  # fmt: skip

    async def was_called(self, hours_ago: float, tally: str | None = None) -> None:
        """Of another campaign: caps hold over all of them."""
        other = await self.world.campaign()
        [lead] = await self.world.leads(other, phone=self.phone, state="final", due_at=None, outcome="no_answer")
        await self.world.run(
            """
            insert into attempt (id, lead_id, campaign_id, account_id, number, phone, from_number, state, submitted_at,
                leaves_voicemail, lease_until, sequence, outcome, outcome_reason, conversation_over,
                disclosure_heard, listening_seconds, tokens, characters_spoken, ended_at, tally)
            values (:lead || '-1', :lead, :campaign, :account, 1, :phone, '+12125550199', 'ended',
                now() - make_interval(secs => :ago), false, now(), -1, 'no_answer', '', true,
                false, 0, 0, 0, now(), :tally)
            """,
            lead=lead, campaign=other, account=ACCOUNT, phone=self.phone, ago=hours_ago * 3600, tally=tally,
        )  # fmt: skip

    async def tick(self, gate: Gate) -> AdmissionTick:
        async with self.world.database.transaction() as session:
            return await admit_due_leads(session, ACCOUNT, gate)

    async def reserved(self, gate: Gate) -> str:
        [admission] = (await self.tick(gate)).admitted
        return admission.message.attempt_id

    async def claim(self, attempt_id: str, gate: Gate) -> Submission | GateDecision:
        async with self.world.database.transaction() as session:
            return await attempts.claim_for_submission(session, attempt_id, gate)

    async def answer(self, attempt_id: str, gate: Gate) -> GateDecision:
        async with self.world.database.transaction() as session:
            return await attempts.admit_answer(session, attempt_id, "CA1", gate)

    async def finish(self, attempt_id: str, gate: Gate, outcome: AttemptOutcome) -> NextStep:
        async with self.world.database.transaction() as session:
            return await finish_attempt(session, FinishAttempt(attempt_id=attempt_id, outcome=outcome), gate)

    async def facts(self, lead_id: str, gate: Gate) -> GateFacts:
        async with self.world.database.transaction() as session:
            return (await read_gate_facts(session, [lead_id], gate))[lead_id]

    async def refusals(self, stage: str) -> list[Any]:
        return await self.world.run("select * from gate_refusal where stage = :stage order by id", stage=stage)


@pytest.fixture
def registers(monkeypatch: pytest.MonkeyPatch) -> Registers:
    found = Registers()
    monkeypatch.setattr("cadenza.records.gate_facts.read_register_facts", found)
    return found


@pytest.fixture
def law(world: World, registers: Registers) -> Law:
    return Law(world, registers)
