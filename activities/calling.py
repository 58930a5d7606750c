"""Calls at the carrier: place one, find out about one, end one, leave the message. Each writes ahead in SQL.

`place_call` is never repeated: what may have rung is asked about (`reconcile_call`), not sent again.
"""

import time
from datetime import timedelta

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.account_hold import cool_down
from activities.call_models import (
    AttemptRef,
    CarrierWord,
    DroppedVoicemail,
    DropResult,
    EndCall,
    PlacedCall,
    RescuedCall,
    RescueResult,
    StoppedRecording,
)
from activities.callback_urls import CallbackUrls
from activities.carrier import CALLER_ID_REFUSED, UNREACHABLE, CallRequest, Carrier, CarrierCall
from activities.errors import CarrierError, Doubtful, NoSuchCall, NotTaken, Rejected, RejectionKind, TooLate, WrongState
from activities.voicemail import message_key, message_twiml
from cadenza.domain.breakers import BreakerRule, Trip
from cadenza.domain.call_result import Submission
from cadenza.domain.gate import GateDecision, Rule
from cadenza.domain.messages import RescueInput, StopRecordingInput
from cadenza.domain.outcomes import AttemptState, CallStatus
from cadenza.records import attempts
from cadenza.records.attempts import Submission as CarrierSubmission
from cadenza.records.breakers import trip_for
from cadenza.records.call_context import CallContext, load_call
from cadenza.records.caller_ids import rest_refused_number
from cadenza.records.database import Database
from cadenza.records.events import was_taken_up
from cadenza.records.gate_facts import database_now
from cadenza.records.rules_in_force import Rules
from cadenza.records.tables import Attempt, RenderedAudio
from cadenza.settings import Settings

STILL_DOUBTFUL = "still_doubtful"
"""Type of the failure that makes Temporal ask again later."""

LIST_MARGIN = timedelta(seconds=30)
"""How long after the lease a call may take to show in the carrier's list."""
CLOCK_MARGIN = timedelta(minutes=2)
"""How far the carrier's clock may be from the database's."""
COOL_DOWN_SECONDS = 10
"""No new calls for so long after the carrier said that there are too many."""


_RINGS_OR_TALKS = {AttemptState.RINGING: CallStatus.RINGING, AttemptState.IN_PROGRESS: CallStatus.IN_PROGRESS}

_SUBMISSIONS = {
    RejectionKind.BAD_NUMBER: Submission.BAD_NUMBER,
    RejectionKind.CONFIGURATION: Submission.NOT_TAKEN,
    RejectionKind.TEMPORARY: Submission.FAULT,
}


class CallingActivities:
    """Activities on calls. They return what happened; they fail only where trying again is the answer."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        carrier: Carrier,
        rules: Rules,
        *,
        list_margin: timedelta = LIST_MARGIN,
    ) -> None:
        self._settings = settings
        self._database = database
        self._carrier = carrier
        self._rules = rules
        self._list_margin = list_margin

    @activity.defn
    async def place_call(self, ref: AttemptRef) -> PlacedCall:
        """Claim the attempt and send the one POST. Run it with one try only.

        Fails with type `doubtful` (not to be retried) where a call may have been placed.
        """
        began = time.monotonic()
        async with self._database.transaction() as session:
            claim = await attempts.claim_for_submission(session, ref.attempt_id, await self._rules.gate(session))
            attempt = await attempts.get_attempt(session, ref.attempt_id)
            state, waits_for_beep = AttemptState(attempt.state), attempt.leaves_voicemail
        if isinstance(claim, GateDecision):
            return _not_claimed(claim, state)
        try:
            not_after = began + claim.good_for.total_seconds()
            sid = await self._carrier.place_call(self._request(claim, waits_for_beep), not_after=not_after)
        except TooLate as error:
            async with self._database.transaction() as session:
                await attempts.record_too_late(session, ref.attempt_id, str(error))
            return PlacedCall(submission=Submission.LAPSED, reason=str(error), rule=Rule.LEASE_LAPSED.value)
        except Doubtful as error:
            async with self._database.transaction() as session:
                await attempts.mark_doubtful(session, ref.attempt_id)
            raise ApplicationError(str(error), type="doubtful", non_retryable=True) from None
        except (Rejected, NotTaken) as error:
            return await self._refused(ref.attempt_id, error)
        async with self._database.transaction() as session:
            await attempts.record_placed(session, ref.attempt_id, sid)
        return PlacedCall(submission=Submission.PLACED, call_sid=sid)

    @activity.defn
    async def reconcile_call(self, ref: AttemptRef) -> PlacedCall:
        """Find out whether a doubtful POST placed a call: the callbacks first, then the carrier's list.

        Fails with type `still_doubtful` while it is too early to say no; Temporal asks again.
        """
        async with self._database.transaction() as session:
            attempt = await attempts.get_attempt(session, ref.attempt_id)
            now = await database_now(session)
        if attempt.call_sid:
            return PlacedCall(submission=Submission.PLACED, call_sid=attempt.call_sid)
        state = AttemptState(attempt.state)
        if state is AttemptState.RESERVED:
            return await self._give_back(ref)
        if state is AttemptState.REFUSED:
            return PlacedCall(submission=Submission.REFUSED, reason=attempt.outcome_reason)
        if state is AttemptState.LAPSED:
            return PlacedCall(submission=Submission.LAPSED_IN_SQL)
        found = await self._find(attempt)
        if found is not None:
            async with self._database.transaction() as session:
                await attempts.record_placed(session, ref.attempt_id, found.sid)
            return PlacedCall(submission=Submission.PLACED, call_sid=found.sid)
        if now < attempt.lease_until + self._list_margin:
            raise ApplicationError("the call may still show up", type=STILL_DOUBTFUL)
        return PlacedCall(submission=Submission.NOT_FOUND)

    @activity.defn
    async def hang_up(self, end: EndCall) -> CarrierWord:
        """End the call; `only_before_answer` calls it off unless it was answered, or rings (but for `even_ringing`).
        Ended already is fine."""
        attempt = await self._attempt(end.attempt_id)
        if not attempt.call_sid:
            return CarrierWord(status=None)
        is_left_alone = attempt.state in _RINGS_OR_TALKS and not (
            end.even_ringing and attempt.state == AttemptState.RINGING
        )
        if end.only_before_answer and is_left_alone:
            return CarrierWord(status=_RINGS_OR_TALKS[AttemptState(attempt.state)], call_sid=attempt.call_sid)
        try:
            if end.only_before_answer:
                await self._carrier.cancel_call(attempt.call_sid)
                await self._note_whether_it_rang(end.attempt_id, attempt.call_sid)
                # A call that is called off while queued brings no callback at all: this is its last word.
                return CarrierWord(status=CallStatus.CANCELED, call_sid=attempt.call_sid)
            await self._carrier.end_call(attempt.call_sid)
        except NoSuchCall:
            return CarrierWord(status=None, call_sid=attempt.call_sid)
        except WrongState:
            pass
        return await self._word(attempt.call_sid)

    async def _note_whether_it_rang(self, attempt_id: str, sid: str) -> None:
        """The word of its ring may be late or lost: a call that was dialled may have rung, and counts as if it had."""
        try:
            call = await self._carrier.fetch_call(sid)
        except CarrierError:
            return
        if call.started_at is not None:
            async with self._database.transaction() as session:
                await attempts.record_dialled(session, attempt_id, call.started_at)

    @activity.defn
    async def fetch_call(self, ref: AttemptRef) -> CarrierWord:
        """Ask the carrier how the call stands."""
        attempt = await self._attempt(ref.attempt_id)
        return await self._word(attempt.call_sid) if attempt.call_sid else CarrierWord(status=None)

    @activity.defn
    async def drop_voicemail(self, ref: AttemptRef) -> DroppedVoicemail:
        """Play the message on the live call, once for each lead: claimed in SQL before anything is sent.

        Run it with one try only. Where the carrier's answer was lost the message is taken to play.
        """
        async with self._database.transaction() as session:
            call = await load_call(session, ref.attempt_id, await self._rules.gate(session))
            if call is None or not call.call_sid or not await attempts.claim_voicemail(session, ref.attempt_id):
                return DroppedVoicemail(result=DropResult.NOT_ALLOWED)
            rendered = await session.get(RenderedAudio, message_key(call, self._settings)) is not None
        return DroppedVoicemail(result=await self._redirect(call, rendered))

    @activity.defn
    async def rescue_call(self, broken: RescueInput) -> RescuedCall:
        """Bring a call back whose media stream broke, unless somebody has it. Safe to repeat: it looks again first."""
        async with self._database.transaction() as session:
            attempt = await attempts.get_attempt(session, broken.attempt_id)
            if attempt.conversation_over or attempt.outcome is not None or not attempt.call_sid:
                return RescuedCall(result=RescueResult.OVER)
            if await was_taken_up(session, broken.attempt_id, broken.stream_sid):
                return RescuedCall(result=RescueResult.TAKEN_UP)
        urls = CallbackUrls(self._settings.public_base_url, broken.attempt_id)
        try:
            await self._carrier.send_on(attempt.call_sid, urls.after_stream)
        except (WrongState, NoSuchCall):
            return RescuedCall(result=RescueResult.OVER)
        return RescuedCall(result=RescueResult.SENT_ON)

    @activity.defn
    async def stop_recording(self, objection: StopRecordingInput) -> StoppedRecording:
        """Stop the recording of the live call. Safe to repeat."""
        attempt = await self._attempt(objection.attempt_id)
        if not attempt.call_sid:
            return StoppedRecording(was_recorded=False)
        try:
            await self._carrier.stop_recording(attempt.call_sid)
        except (NoSuchCall, WrongState):
            return StoppedRecording(was_recorded=False)
        return StoppedRecording(was_recorded=True)

    async def _redirect(self, call: CallContext, rendered: bool) -> DropResult:
        twiml = message_twiml(call, self._settings, rendered=rendered, now=time.time())
        assert call.call_sid is not None
        try:
            await self._carrier.redirect_call(call.call_sid, twiml)
        except Doubtful:
            return DropResult.PLAYING
        except (WrongState, NoSuchCall):
            return DropResult.CALL_OVER
        except (NotTaken, Rejected):
            return DropResult.NOT_ALLOWED
        return DropResult.PLAYING

    async def _refused(self, attempt_id: str, error: Rejected | NotTaken) -> PlacedCall:
        """Nobody was rung. What would refuse every other call too stops the campaign, or the whole account."""
        code = str(error.code)
        async with self._database.transaction() as session:
            is_fault = isinstance(error, NotTaken) and error.code == UNREACHABLE
            await attempts.record_rejected(session, attempt_id, code, str(error), is_fault=is_fault)
            if isinstance(error, NotTaken):
                await cool_down(session, attempt_id, COOL_DOWN_SECONDS)
            elif error.kind is RejectionKind.CONFIGURATION:
                await self._stop_for(session, attempt_id, error.code)
        submission = Submission.NOT_TAKEN if isinstance(error, NotTaken) else _SUBMISSIONS[error.kind]
        return PlacedCall(submission=submission, reason=str(error), rule=f"carrier_{code}")

    async def _stop_for(self, session: AsyncSession, attempt_id: str, code: int) -> None:
        """A number of a pool that is refused rests, and the others go on. Else a campaign's own caller ID is that
        campaign's trouble; everything else is the account's."""
        if code in CALLER_ID_REFUSED and await rest_refused_number(session, attempt_id, code):
            return
        attempt = await attempts.get_attempt(session, attempt_id)
        own_caller_id = attempt.from_number not in {"", self._settings.twilio_from_number}
        trip = Trip(BreakerRule.CARRIER_REFUSES, f"the carrier refuses our calls (code {code})")
        await trip_for(session, attempt_id, trip, whole_account=not (own_caller_id and code in CALLER_ID_REFUSED))

    async def _give_back(self, ref: AttemptRef) -> PlacedCall:
        """Nobody claimed it, so nothing was sent. After its lease nobody can."""
        async with self._database.transaction() as session:
            attempt = await attempts.get_attempt(session, ref.attempt_id, lock=True)
            if attempt.state != AttemptState.RESERVED or await database_now(session) < attempt.lease_until:
                raise ApplicationError("the reservation still holds", type=STILL_DOUBTFUL)
            # Stores the lapse as the refusal it is
            await attempts.claim_for_submission(session, ref.attempt_id, await self._rules.gate(session))
        return PlacedCall(submission=Submission.LAPSED, rule=Rule.LEASE_LAPSED.value)

    async def _find(self, attempt: Attempt) -> CarrierCall | None:
        """The carrier's call of this attempt: between its two numbers, of its time, and nobody else's."""
        assert attempt.submitted_at is not None
        try:
            from_number = attempt.from_number or self._settings.twilio_from_number
            calls = await self._carrier.find_calls(attempt.phone, from_number, attempt.submitted_at - CLOCK_MARGIN)
        except (Doubtful, NotTaken) as error:
            raise ApplicationError(str(error), type=STILL_DOUBTFUL) from None
        if not calls:
            return None
        async with self._database.transaction() as session:
            rows = await session.execute(
                text("select call_sid from attempt where call_sid = any(:sids)"), {"sids": [call.sid for call in calls]}
            )
            taken = set(rows.scalars())
        return next((call for call in calls if call.sid not in taken), None)

    async def _word(self, sid: str) -> CarrierWord:
        try:
            call = await self._carrier.fetch_call(sid)
        except NoSuchCall:
            return CarrierWord(status=None, call_sid=sid)
        return CarrierWord(status=call.status, call_sid=sid, duration_seconds=call.duration_seconds)

    async def _attempt(self, attempt_id: str) -> Attempt:
        async with self._database.transaction() as session:
            return await attempts.get_attempt(session, attempt_id)

    def _request(self, claim: CarrierSubmission, waits_for_beep: bool) -> CallRequest:
        urls = CallbackUrls(self._settings.public_base_url, claim.attempt_id)
        policy = claim.policy
        return CallRequest(
            to=claim.to,
            from_number=claim.from_number or self._settings.twilio_from_number,
            answer_url=urls.answer,
            fallback_url=urls.fallback,
            status_url=urls.status,
            machine_url=urls.machine if policy.detect_machines else None,
            waits_for_beep=waits_for_beep,
            recording_url=urls.recording if claim.is_recorded else None,
            ring_seconds=policy.ring_seconds,
            max_call_seconds=policy.longest_call_seconds,
        )


def _not_claimed(decision: GateDecision, state: AttemptState) -> PlacedCall:
    rule = decision.rule.value if decision.rule else ""
    if decision.rule is Rule.LEASE_LAPSED:
        return PlacedCall(submission=Submission.LAPSED, reason=decision.reason, rule=rule)
    if decision.rule is not Rule.NOT_RESERVED:
        return PlacedCall(submission=Submission.REFUSED, reason=decision.reason, rule=rule)
    if state is AttemptState.LAPSED:
        return PlacedCall(submission=Submission.LAPSED_IN_SQL, rule=rule)
    # Somebody has claimed it before us: a call may be out.
    raise ApplicationError("the attempt was claimed before", type="doubtful", non_retryable=True)
