"""The judge's rules about the calls themselves: each placed once, known on both sides, within its lease. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from cadenza.domain.judge_facts import CarrierCall, Evidence
from cadenza.domain.judge_rules import BrokenRule, Finding, later
from cadenza.domain.outcomes import OPEN_ATTEMPT_STATES, AttemptOutcome

SENDING = timedelta(seconds=2)
"""A request that leaves within its lease is with the carrier after this."""
LONGEST_QUEUE = timedelta(seconds=5)
"""Longer in the carrier's own queue, and a call may ring after its window, a pause or a cancel."""
_NEVER = datetime.max.replace(tzinfo=UTC)
_RANG_NOBODY = {AttemptOutcome.REFUSED.value, AttemptOutcome.LAPSED.value, AttemptOutcome.WITHDRAWN.value}
_REACHED_NOBODY = {
    AttemptOutcome.FAILED.value,
    AttemptOutcome.NO_ANSWER.value,
    AttemptOutcome.BUSY.value,
    AttemptOutcome.INVALID_NUMBER.value,
}


def _one_ring_for_each_attempt(evidence: Evidence) -> Iterator[Finding]:
    calls: defaultdict[str, list[CarrierCall]] = defaultdict(list)
    for call in evidence.calls:
        if call.attempt_id:
            calls[call.attempt_id].append(call)
    for attempt, its_calls in calls.items():
        sids = tuple(call.call_sid for call in its_calls)
        if len(its_calls) > 1:
            yield Finding(rule=BrokenRule.ATTEMPT_PLACED_TWICE, ids=(attempt, *sids))
        if sum(call.rang_at is not None for call in its_calls) > 1:
            yield Finding(rule=BrokenRule.ATTEMPT_RUNG_TWICE, ids=(attempt, *sids))


def _one_call_at_a_time(evidence: Evidence) -> Iterator[Finding]:
    """No number is rung while an earlier call to it goes on, whichever lead and campaign they are for."""
    for its_calls in evidence.calls_by_number.values():
        rung = sorted((call for call in its_calls if call.rang_at), key=lambda call: call.rang_at or _NEVER)
        for before, after in pairwise(rung):
            if after.rang_at and (before.ended_at or _NEVER) > after.rang_at:
                yield Finding(rule=BrokenRule.TWO_CALLS_AT_ONCE, ids=(before.call_sid, after.call_sid))


def _placed_within_the_lease(evidence: Evidence) -> Iterator[Finding]:
    """After the lease nothing may be claimed. What was claimed before it and left late (the process was frozen between
    the two) is told: the call is known, and looked for until long after the lease."""
    for call in evidence.calls:
        attempt = evidence.attempt_of(call)
        if attempt is None or attempt.lease_until is None or call.placed_at <= attempt.lease_until:
            continue
        ids, words = (call.call_sid, attempt.id), later(attempt.lease_until, call.placed_at)
        if attempt.submitted_at is None or attempt.submitted_at > attempt.lease_until:
            yield Finding(rule=BrokenRule.PLACED_AFTER_LEASE, ids=ids, words=words)
        elif call.placed_at > attempt.lease_until + SENDING:
            yield Finding(rule=BrokenRule.SENT_AFTER_LEASE, ids=ids, words=words)


def _calls_and_attempts_know_each_other(evidence: Evidence) -> Iterator[Finding]:
    by_sid = {attempt.call_sid: attempt for attempt in evidence.attempts if attempt.call_sid}
    sids = {call.call_sid for call in evidence.calls}
    for call in evidence.calls:
        attempt = by_sid.get(call.call_sid)
        named = evidence.attempt_of(call)
        if attempt is None or (call.attempt_id is not None and attempt is not named):
            yield Finding(
                rule=BrokenRule.CALL_NOBODY_KNOWS,
                ids=(call.call_sid, call.attempt_id or ""),
                words=f"attempt is {named.state}, {named.outcome}" if named else "there is no such attempt",
            )
        if named is not None and call.rang_at is not None and named.outcome in _RANG_NOBODY:
            yield Finding(rule=BrokenRule.RING_DENIED, ids=(call.call_sid, named.id), words=str(named.outcome))
        if named is not None and call.answered_at is not None and named.outcome in _REACHED_NOBODY:
            yield Finding(rule=BrokenRule.ANSWER_DENIED, ids=(call.call_sid, named.id), words=str(named.outcome))
    for attempt in evidence.attempts:
        if attempt.call_sid and attempt.call_sid not in sids:
            yield Finding(rule=BrokenRule.CALL_OF_NO_CARRIER, ids=(attempt.id, attempt.call_sid))


def _the_carrier_holds_no_queue(evidence: Evidence) -> Iterator[Finding]:
    for call in evidence.calls:
        if call.dialled_at is not None and call.dialled_at - call.placed_at > LONGEST_QUEUE:
            words = later(call.placed_at, call.dialled_at)
            yield Finding(rule=BrokenRule.QUEUED_AT_CARRIER, ids=(call.call_sid, call.attempt_id or ""), words=words)


def _no_more_calls_than_lines(evidence: Evidence) -> Iterator[Finding]:
    """A call uses a line from the carrier's yes to its end."""
    if evidence.lines is None:
        return
    under_way: list[CarrierCall] = []
    for call in sorted(evidence.calls, key=lambda call: call.placed_at):
        under_way = [other for other in under_way if (other.ended_at or _NEVER) > call.placed_at]
        under_way.append(call)
        if len(under_way) > evidence.lines:
            words = f"{len(under_way)} calls at once"
            yield Finding(rule=BrokenRule.ABOVE_LINES, ids=(call.call_sid,), words=words)


def _no_line_leaked(evidence: Evidence) -> Iterator[Finding]:
    for attempt in evidence.attempts:
        if attempt.state in OPEN_ATTEMPT_STATES:
            yield Finding(rule=BrokenRule.LINE_LEAKED, ids=(attempt.id,), words=attempt.state)
    for call in evidence.calls:
        if call.ended_at is None:
            yield Finding(rule=BrokenRule.LINE_LEAKED, ids=(call.call_sid,), words="the carrier's call goes on")


def _live_calls_survive(evidence: Evidence) -> Iterator[Finding]:
    """A person whose last stream broke, and who did not hang up on that: nobody was there any more."""
    for call in evidence.calls:
        if call.broke_last_at is not None and not call.answered_by_machine and call.ended_by != "the callee":
            ids = (call.call_sid, call.attempt_id or "")
            yield Finding(rule=BrokenRule.LIVE_CALL_DROPPED, ids=ids, words=f"ended by {call.ended_by or 'nobody'}")


def _targets_dialled_as_often_as_asked_for(evidence: Evidence) -> Iterator[Finding]:
    asked = Counter((one.attempt_id, one.phone) for one in evidence.transfers if one.dialled_at is not None)
    for call in evidence.calls:
        for target, times in Counter(call.dialled_targets).items():
            allowed = asked[(call.attempt_id or "", target)]
            if times > allowed:
                ids, words = (call.call_sid, call.attempt_id or ""), f"{times} times, asked for {allowed} times"
                yield Finding(rule=BrokenRule.TARGET_DIALLED_TWICE, ids=ids, words=words)


CHECKS = (
    _one_ring_for_each_attempt,
    _one_call_at_a_time,
    _placed_within_the_lease,
    _calls_and_attempts_know_each_other,
    _the_carrier_holds_no_queue,
    _no_more_calls_than_lines,
    _no_line_leaked,
    _live_calls_survive,
    _targets_dialled_as_often_as_asked_for,
)
