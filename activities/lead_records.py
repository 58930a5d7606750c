"""What the lead's workflow writes and reads in SQL: short transactions, safe to run again."""

from temporalio import activity

from activities.call_models import AttemptRecord, AttemptRef, ClosedLead, FinishLead, LeadRef, RecordedOutcome
from cadenza.domain.outcomes import AttemptOutcome, CallStatus
from cadenza.domain.retry import StepKind
from cadenza.records import attempts, finishing
from cadenza.records.database import Database
from cadenza.records.finishing import FinishAttempt
from cadenza.records.rules_in_force import Rules
from cadenza.records.transfers import word_of_transfers


class LeadRecordActivities:
    """Activities on the records of a lead. They retry until the database answers."""

    def __init__(self, database: Database, rules: Rules) -> None:
        self._database = database
        self._rules = rules

    @activity.defn
    async def record_outcome(self, finish: FinishAttempt) -> RecordedOutcome:
        """Store how the attempt ended, free its line, and decide what comes next."""
        async with self._database.transaction() as session:
            step = await finishing.finish_attempt(session, finish, await self._rules.gate(session))
            attempt = await attempts.get_attempt(session, finish.attempt_id)
            has_webhook = step.kind is StepKind.FINISH and await finishing.has_webhook(session, attempt.lead_id)
        return RecordedOutcome(step=step, has_webhook=has_webhook)

    @activity.defn
    async def report_due(self, lead: LeadRef) -> None:
        """The lead may be admitted again from now on."""
        async with self._database.transaction() as session:
            await finishing.report_due(session, lead.lead_id)

    @activity.defn
    async def finish_lead(self, finish: FinishLead) -> ClosedLead:
        """Close a lead that has no attempt under way; it keeps an outcome that it has."""
        async with self._database.transaction() as session:
            outcome = await finishing.finish_lead(session, finish.lead_id, finish.outcome, finish.reason)
            return ClosedLead(outcome=outcome, has_webhook=await finishing.has_webhook(session, finish.lead_id))

    @activity.defn
    async def read_attempt(self, ref: AttemptRef) -> AttemptRecord:
        """What was written about the attempt by those whose signal may have been lost."""
        async with self._database.transaction() as session:
            attempt = await attempts.get_attempt(session, ref.attempt_id)
            said = attempt.conversation_outcome or await word_of_transfers(session, ref.attempt_id)
        return AttemptRecord(
            conversation_outcome=AttemptOutcome(said) if said else None,
            callback_at=attempt.callback_at,
            voicemail_played=attempt.voicemail_played_at is not None,
            carrier_status=CallStatus(attempt.carrier_status) if attempt.carrier_status else None,
            sip_code=attempt.sip_code,
        )
