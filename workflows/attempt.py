"""One attempt to reach a lead, from the reserved line to one outcome.

What to do next is decided by `cadenza.domain.call_following`, a pure state machine; this class carries it out.
"""

from collections.abc import Callable

from temporalio import workflow
from temporalio.common import Priority
from temporalio.exceptions import ActivityError, is_cancelled_exception

from workflows import retries

with workflow.unsafe.imports_passed_through():
    from activities.call_models import AttemptRef, CarrierWord, DropResult, EndCall, PlacedCall
    from activities.calling import CallingActivities
    from activities.lead_records import LeadRecordActivities
    from cadenza.domain.call_facts import CallNews
    from cadenza.domain.call_following import CallFollowing, Move, MoveKind
    from cadenza.domain.call_result import CallResult, Submission, classify, result_of_unplaced
    from cadenza.domain.messages import DIAL_TASK_QUEUE, AttemptAdmitted, ConversationEnded, VoicemailPlayed
    from cadenza.domain.outcomes import AttemptOutcome

_WAITING_FOR = {
    "ringing": "an answer",
    "talking": "the end of the conversation",
    "greeting": "the end of the machine's greeting",
    "message": "the end of our message",
    "ending": "the carrier to end the call",
    "closing": "the voice bridge's last word",
}

_NO_TALK = frozenset({AttemptOutcome.MACHINE, AttemptOutcome.SILENT, AttemptOutcome.SCREENED})


class AttemptRun:
    """The attempt that a lead's workflow is making. News about it may come at any time, also before `run`."""

    def __init__(
        self,
        campaign_id: str,
        plan: AttemptAdmitted,
        *,
        on_step: Callable[[str], None],
        is_booking: Callable[[], bool],
    ) -> None:
        self.plan = plan
        self.following = CallFollowing(plan)
        self.was_placed = False
        self.is_over = False  # its result stands; what comes now is about a call that was
        self._campaign_id = campaign_id
        self._on_step = on_step
        self._is_booking = is_booking
        self._ref = AttemptRef(attempt_id=plan.attempt_id)

    @property
    def had_conversation(self) -> bool:
        """Somebody answered and the bridge spoke with them: there is something to summarise."""
        word = self.following.facts.word
        return word is not None and word not in _NO_TALK

    def note(self, news: CallNews) -> None:
        self.following.note(news, workflow.now())

    async def run(self) -> CallResult | None:
        """Make the attempt. None: the dialer took the reservation back, and has already planned another."""
        result = await self._make()
        self.is_over = True
        return result

    async def _make(self) -> CallResult | None:
        placed = await self._place()
        if placed.submission is Submission.LAPSED_IN_SQL:
            return None
        if placed.submission is not Submission.PLACED:
            return result_of_unplaced(placed.submission, placed.reason)
        self.was_placed = True
        self.following.noted_placed(placed.call_sid, workflow.now())
        await self._follow()
        # A booking asked for in the last second of the call may still become one.
        await workflow.wait_condition(lambda: not self._is_booking())
        return classify(self.following.facts)

    async def _place(self) -> PlacedCall:
        """The one POST. Whatever goes wrong with it, it is not repeated but asked about."""
        self._on_step("placing the call")
        try:
            return await workflow.execute_activity_method(
                CallingActivities.place_call,
                self._ref,
                task_queue=DIAL_TASK_QUEUE,
                schedule_to_start_timeout=retries.PLACE_QUEUE_TIMEOUT,
                start_to_close_timeout=retries.PLACE_TIMEOUT,
                retry_policy=retries.ONCE,
                summary=f"attempt {self.plan.number}",
                priority=Priority(fairness_key=self._campaign_id[:64]),
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
        return await self._reconcile()

    async def _reconcile(self) -> PlacedCall:
        """Find out whether the call exists; its own callbacks may say so first."""
        self._on_step("finding out whether the call was placed")
        asking = workflow.start_activity_method(
            CallingActivities.reconcile_call,
            self._ref,
            start_to_close_timeout=retries.CARRIER_TIMEOUT,
            schedule_to_close_timeout=retries.RECONCILE_PATIENCE,
            retry_policy=retries.RECONCILING,
            summary="was it placed?",
        )
        await workflow.wait_condition(lambda: asking.done() or bool(self.following.facts.call_sid))
        if self.following.facts.call_sid:
            asking.cancel()
            return PlacedCall(submission=Submission.PLACED, call_sid=self.following.facts.call_sid)
        try:
            return await asking
        except ActivityError:
            return PlacedCall(submission=Submission.UNKNOWN)

    async def _follow(self) -> None:
        while True:
            self._on_step(f"on the line: {self.following.phase.value}")
            move = self.following.decide(workflow.now())
            if move.kind is MoveKind.FINISH:
                return
            await self._carry_out(move)

    async def _carry_out(self, move: Move) -> None:
        match move.kind:
            case MoveKind.WAIT:
                await self._wait(move)
            case MoveKind.CALL_OFF:
                word = await self._hang_up(only_before_answer=True)
                self.following.noted_called_off()
                self._take(word)
            case MoveKind.HANG_UP:
                word = await self._hang_up(only_before_answer=False)
                self.following.noted_hung_up(workflow.now())
                self._take(word)
            case MoveKind.ASK_CARRIER:
                word = await self._ask()
                self.following.noted_asked(workflow.now())
                self._take(word)
            case MoveKind.DROP_VOICEMAIL:
                self.following.noted_message(plays=await self._drop_voicemail(), now=workflow.now())
            case MoveKind.READ_RECORD:
                await self._read_record()
                self.following.noted_record_read()

    async def _wait(self, move: Move) -> None:
        """Until some news asks for another move, or the deadline has passed."""
        assert move.until is not None
        try:
            await workflow.wait_condition(
                lambda: self.following.decide(workflow.now()) != move,
                timeout=move.until - workflow.now(),
                timeout_summary=f"waiting for {_WAITING_FOR[self.following.phase.value]}",
            )
        except TimeoutError:
            return

    async def _hang_up(self, *, only_before_answer: bool) -> CarrierWord | None:
        try:
            return await workflow.execute_activity_method(
                CallingActivities.hang_up,
                EndCall(
                    attempt_id=self.plan.attempt_id,
                    only_before_answer=only_before_answer,
                    even_ringing=only_before_answer and self.following.facts.withdrawn_ringing,
                ),
                start_to_close_timeout=retries.CARRIER_TIMEOUT,
                schedule_to_close_timeout=retries.CARRIER_PATIENCE,
                retry_policy=retries.BRIEF,
                summary="call off" if only_before_answer else "hang up",
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return None

    async def _ask(self) -> CarrierWord | None:
        try:
            return await workflow.execute_activity_method(
                CallingActivities.fetch_call,
                self._ref,
                start_to_close_timeout=retries.CARRIER_TIMEOUT,
                schedule_to_close_timeout=retries.CARRIER_PATIENCE,
                retry_policy=retries.BRIEF,
                summary="no word came: ask the carrier",
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return None

    def _take(self, word: CarrierWord | None) -> None:
        if word is not None and word.status is not None:
            self.following.noted_status(word.status, workflow.now(), sid=word.call_sid)

    async def _drop_voicemail(self) -> bool:
        """True if the message plays, or may play: it is not cut off then."""
        try:
            dropped = await workflow.execute_activity_method(
                CallingActivities.drop_voicemail,
                self._ref,
                start_to_close_timeout=retries.CARRIER_TIMEOUT,
                retry_policy=retries.ONCE,
                summary="leave the message",
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return True
        return dropped.result is not DropResult.NOT_ALLOWED

    async def _read_record(self) -> None:
        """What the bridge and the webhooks wrote in SQL, where their signals did not come."""
        record = await workflow.execute_local_activity_method(
            LeadRecordActivities.read_attempt,
            self._ref,
            start_to_close_timeout=retries.SQL_TIMEOUT,
            retry_policy=retries.PATIENT,
        )
        if record.carrier_status is not None:
            self.following.noted_status(record.carrier_status, workflow.now(), sip_code=record.sip_code)
        if record.voicemail_played:
            self.note(VoicemailPlayed(attempt_id=self.plan.attempt_id))
        if record.conversation_outcome is not None:
            self.note(
                ConversationEnded(
                    attempt_id=self.plan.attempt_id,
                    outcome=record.conversation_outcome,
                    callback_at=record.callback_at,
                )
            )
