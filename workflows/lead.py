"""The story of one lead.

A line is admitted for it; it is called; how the call ended is recorded; then it sleeps until its next attempt, or is
finished with exactly one outcome. Temporal holds where the lead is, PostgreSQL what happened and what is due: policy
and facts are read at each step by the activities, so an edit of the campaign acts at once.

A history is stored and replayed for every lead, so an event must earn its place (docs/performance.md counts them).
"""

import asyncio
from collections.abc import Coroutine
from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate

from workflows import retries
from workflows.afterwards import notify_webhook, prepare_lead_audio, summarise_call
from workflows.attempt import AttemptRun
from workflows.booking import BookingDesk

with workflow.unsafe.imports_passed_through():
    from activities.call_models import FinishLead, LeadRef, RecordedOutcome
    from activities.lead_records import LeadRecordActivities
    from cadenza.domain.call_facts import CallNews
    from cadenza.domain.call_result import CallResult
    from cadenza.domain.messages import (
        LEAD_WORKFLOW,
        AttemptAdmitted,
        BookAppointment,
        BookingResult,
        CallbackPromised,
        CallProgressed,
        CloseLead,
        ConversationEnded,
        LeadInput,
        LeadResult,
        LeadStatus,
        MachineDetected,
        OfferSlots,
        OptedOut,
        SlotOffer,
        VoicemailPlayed,
        WithdrawCall,
    )
    from cadenza.domain.outcomes import AttemptOutcome, LeadOutcome, LeadState
    from cadenza.domain.retry import StepKind
    from cadenza.records.finishing import FinishAttempt
    from cadenza.temporal.search_attributes import ATTEMPT_COUNT, LEAD_OUTCOME, LEAD_STATE, NEXT_CALL_AT


class LeadRun(LeadInput):
    """The start of a run; a later run of the same lead is handed what the one before knew."""

    highest_number: int = 0
    attempts: int = 0
    audio_is_ready: bool = False
    next_at: datetime | None = None
    next_reason: str = ""
    state: LeadState = LeadState.CALLING
    """The search attribute: the start sets it, and a new run inherits it."""


@workflow.defn(name=LEAD_WORKFLOW)
class LeadWorkflow:
    """One run for each lead, from its first admission to its outcome."""

    @workflow.init
    def __init__(self, lead: LeadRun) -> None:
        self._lead = lead
        self._highest_number = lead.highest_number
        self._attempts = lead.attempts
        self._audio_is_ready = lead.audio_is_ready
        self._desk = BookingDesk(lead.lead_id)
        self._next: AttemptRun | None = None  # admitted, not yet begun
        self._run: AttemptRun | None = None  # under way
        self._close: CloseLead | None = None
        self._outcome: LeadOutcome | None = None
        self._has_webhook = False
        self._next_at, self._next_reason = lead.next_at, lead.next_reason  # of the next call, while asleep
        self._attempts_shown = lead.attempts
        self._state = lead.state
        self._background: set[asyncio.Task[None]] = set()
        self._step = "waiting for a line"
        self._log: list[str] = []

    @workflow.run
    async def run(self, lead: LeadRun) -> LeadResult:
        while self._outcome is None:
            if not await self._line_is_admitted():
                await self._finish_without_a_call()
            elif (recorded := await self._attempt()) is not None:
                self._take(recorded)
        await self._tell()
        return LeadResult(outcome=self._outcome, attempts=self._attempts)

    # The story

    async def _line_is_admitted(self) -> bool:
        """Sleep until a line is admitted. False: the lead is to be closed instead."""
        while self._next is None and self._close is None:
            if self._history_is_long():
                await self._continue_in_a_new_run()
            elif await self._sleeps_too_long():
                await self._report_due()
        # An admission goes first even if the lead is to be closed: it holds a line, and its gates will refuse.
        self._run, self._next = self._next, None
        self._next_at = None
        return self._run is not None

    async def _sleeps_too_long(self) -> bool:
        """Sleep until news come. True: its time came long ago, and no line with it."""
        timeout, until = None, ""
        if self._next_at is not None:
            timeout = self._next_at + retries.LINE_PATIENCE - workflow.now()
            until = f"until {self._next_at:%Y-%m-%d %H:%M} UTC, then waiting for a line: {self._next_reason}"
            self._show(f"asleep {until}")
        try:
            await workflow.wait_condition(
                lambda: self._next is not None or self._close is not None or self._history_is_long(),
                timeout=timeout,
                timeout_summary=until,
            )
        except TimeoutError:
            return True
        return False

    async def _report_due(self) -> None:
        """PostgreSQL knows the time too and admits by it. Saying it again heals what may have been lost there."""
        await workflow.execute_local_activity_method(
            LeadRecordActivities.report_due,
            LeadRef(lead_id=self._lead.lead_id),
            start_to_close_timeout=retries.SQL_TIMEOUT,
            retry_policy=retries.PATIENT,
        )
        self._next_at = None
        self._show("due: waiting for a line")

    async def _attempt(self) -> RecordedOutcome | None:
        """Call the lead once and record how it ended. None: nothing was done, and another admission is on its way."""
        assert self._run is not None
        if self._state is not LeadState.CALLING:
            self._become(LeadState.CALLING)
        if not self._audio_is_ready:
            self._show("rendering the greeting")
            self._audio_is_ready = await prepare_lead_audio(self._lead.lead_id)
        result = await self._run.run()
        recorded = await self._record(self._run, result) if result is not None else None
        self._run = None
        return recorded

    async def _record(self, run: AttemptRun, result: CallResult) -> RecordedOutcome:
        self._show("recording the outcome")
        self._attempts += run.was_placed
        recorded = await workflow.execute_local_activity_method(
            LeadRecordActivities.record_outcome,
            FinishAttempt(
                attempt_id=run.plan.attempt_id,
                outcome=result.outcome,
                reason=result.reason,
                callback_at=result.callback_at,
                close_as=self._close.outcome if self._close else None,
            ),
            start_to_close_timeout=retries.SQL_TIMEOUT,
            retry_policy=retries.PATIENT,
        )
        self._log.append(f"attempt {run.plan.number}: {_words(result.outcome)} ({result.reason})")
        if run.had_conversation:
            self._in_the_background(summarise_call(run.plan.attempt_id))
        return recorded

    def _take(self, recorded: RecordedOutcome) -> None:
        """Finish, or have a next attempt to sleep for."""
        step = recorded.step
        if step.kind is StepKind.FINISH:
            assert step.outcome is not None
            self._finish(step.outcome, step.reason, has_webhook=recorded.has_webhook)
            return
        assert step.at is not None
        if step.at <= workflow.now() + retries.AT_ONCE:
            self._show("due: waiting for a line")
            return
        self._next_at, self._next_reason = step.at, step.reason
        if self._next is None and self._close is None:
            self._become(LeadState.WAITING, NEXT_CALL_AT.value_set(step.at))

    async def _finish_without_a_call(self) -> None:
        assert self._close is not None
        closed = await workflow.execute_local_activity_method(
            LeadRecordActivities.finish_lead,
            FinishLead(lead_id=self._lead.lead_id, outcome=self._close.outcome, reason=self._close.reason),
            start_to_close_timeout=retries.SQL_TIMEOUT,
            retry_policy=retries.PATIENT,
        )
        self._finish(closed.outcome, self._close.reason, has_webhook=closed.has_webhook)

    def _finish(self, outcome: LeadOutcome, reason: str, *, has_webhook: bool) -> None:
        self._outcome, self._has_webhook = outcome, has_webhook
        self._become(LeadState.FINAL, LEAD_OUTCOME.value_set(outcome.value), NEXT_CALL_AT.value_unset())
        self._show(f"finished: {reason}")

    async def _tell(self) -> None:
        """When the last summary is written and no handler is at work, the customer's system hears of the end."""
        await self._quiet()
        if self._has_webhook:
            await notify_webhook(self._lead.lead_id)
            await self._quiet()

    async def _quiet(self) -> None:
        await workflow.wait_condition(
            lambda: workflow.all_handlers_finished() and not self._background and not self._desk.is_releasing
        )

    async def _continue_in_a_new_run(self) -> None:
        await self._quiet()
        if self._next is not None or self._close is not None:
            return  # news came while the last handlers ended
        workflow.continue_as_new(
            LeadRun(
                campaign_id=self._lead.campaign_id,
                lead_id=self._lead.lead_id,
                highest_number=self._highest_number,
                attempts=self._attempts,
                audio_is_ready=self._audio_is_ready,
                next_at=self._next_at,
                next_reason=self._next_reason,
                state=self._state,
            )
        )

    def _history_is_long(self) -> bool:
        return workflow.info().is_continue_as_new_suggested()

    # Messages. All may come twice, late, early and in any order; those about another attempt change nothing.

    @workflow.signal
    def attempt_admitted(self, plan: AttemptAdmitted) -> None:
        if plan.number > self._highest_number:
            self._highest_number = plan.number
            self._next = AttemptRun(
                self._lead.campaign_id, plan, on_step=self._show, is_booking=lambda: self._desk.is_busy
            )

    @workflow.signal
    def call_progressed(self, news: CallProgressed) -> None:
        self._note(news)

    @workflow.signal
    def machine_detected(self, news: MachineDetected) -> None:
        self._note(news)

    @workflow.signal
    def voicemail_played(self, news: VoicemailPlayed) -> None:
        self._note(news)

    @workflow.signal
    def conversation_ended(self, news: ConversationEnded) -> None:
        self._note(news)

    @workflow.signal
    def callback_promised(self, news: CallbackPromised) -> None:
        self._note(news)

    @workflow.signal
    def opted_out(self, news: OptedOut) -> None:
        if not self._note(news) and self._close is None and self._outcome is None:
            # The word of a call that is over already: it counts all the same.
            self._close = CloseLead(outcome=LeadOutcome.OPTED_OUT, reason="asked never to be called again")

    @workflow.signal
    def withdraw_call(self, news: WithdrawCall) -> None:
        self._note(news)

    @workflow.signal
    def close_lead(self, close: CloseLead) -> None:
        self._close = self._close or close

    @workflow.update
    async def offer_slots(self, wish: OfferSlots) -> SlotOffer:
        return await self._desk.offer(wish)

    @offer_slots.validator
    def _may_offer(self, wish: OfferSlots) -> None:
        self._check_current(wish.attempt_id)

    @workflow.update
    async def book_appointment(self, wish: BookAppointment) -> BookingResult:
        info = workflow.current_update_info()
        assert info is not None
        run = self._run
        result = await self._desk.book(wish, info.id)
        if result.status == "booked" and run is not None:
            run.following.noted_booked()
        return result

    @book_appointment.validator
    def _may_book(self, wish: BookAppointment) -> None:
        self._check_current(wish.attempt_id)

    @workflow.query
    def status(self) -> LeadStatus:
        return LeadStatus(
            step=self._step,
            attempt_id=self._run.plan.attempt_id if self._run else None,
            attempts=self._attempts,
            next_at=self._next_at,
            outcome=self._outcome,
        )

    def _note(self, news: CallNews) -> bool:
        for run in (self._run, self._next):
            if run is not None and not run.is_over and run.plan.attempt_id == news.attempt_id:
                run.note(news)
                return True
        return False

    def _check_current(self, attempt_id: str) -> None:
        if self._run is None or self._run.is_over or self._run.plan.attempt_id != attempt_id:
            raise ValueError("this attempt is not under way")

    # What people see

    def _become(self, state: LeadState, *more: SearchAttributeUpdate[Any]) -> None:
        """The search attributes, written together: each time they are written is an event."""
        self._state = state
        changes: tuple[SearchAttributeUpdate[Any], ...] = (LEAD_STATE.value_set(state.value), *more)
        if self._attempts != self._attempts_shown:
            self._attempts_shown = self._attempts
            changes = (ATTEMPT_COUNT.value_set(self._attempts), *changes)
        workflow.upsert_search_attributes(changes)

    def _show(self, step: str) -> None:
        self._step = step
        lines = "\n".join(f"- {line}" for line in self._log[-20:])
        workflow.set_current_details(f"**{step}**\n\n{lines}")

    def _in_the_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _words(code: AttemptOutcome) -> str:
    return code.value.replace("_", " ")
