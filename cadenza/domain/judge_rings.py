"""The judge's rules about who may be rung and talked to: hours, caps, pause, cancel, opt-out, outcome, gates. Pure."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from cadenza.domain.calling_hours import is_open
from cadenza.domain.gate import Rule
from cadenza.domain.judge_facts import Evidence, StopKind
from cadenza.domain.judge_rules import BrokenRule, Finding, later

SLACK = timedelta(seconds=2)
"""How long after a pause, cancel or opt-out a call may still ring that the carrier had before; longer by what the
carrier itself let the request lie."""
ANSWER_SLACK = timedelta(seconds=0.5)
"""The answer is the last gate: who opted out so long before it is not talked to."""
PROMISED_BEYOND_PLAN = 2
"""Callbacks that may be kept after the last planned attempt (`domain.retry`)."""
_DAY = timedelta(hours=24)
_BEFORE_POST, _AT_ANSWER = "before_post", "answer"


def _rings_within_hours_and_stops(evidence: Evidence) -> Iterator[Finding]:
    for call in evidence.calls:
        lead = evidence.lead_of(call)
        campaign = evidence.campaign_by_id.get(lead.campaign_id) if lead else None
        if call.rang_at is None or lead is None or campaign is None:
            continue  # a call of nobody is told as such
        ids = (call.call_sid, lead.id)
        if not is_open(campaign.policy.calling_hours, call.rang_at, lead.zones):
            yield Finding(rule=BrokenRule.RUNG_OUTSIDE_HOURS, ids=ids, words=call.rang_at.isoformat())
        for stop in campaign.stops:
            if stop.at + SLACK + call.lay_for < call.rang_at and (stop.until is None or call.rang_at < stop.until):
                paused = stop.kind is StopKind.PAUSED
                rule = BrokenRule.RUNG_WHILE_PAUSED if paused else BrokenRule.RUNG_AFTER_CANCEL
                yield Finding(rule=rule, ids=ids, words=later(stop.at, call.rang_at))


def _rings_below_the_daily_cap(evidence: Evidence) -> Iterator[Finding]:
    """The cap is the number's, over all campaigns; each ring is held against the cap of the campaign that rang."""
    for its_calls in evidence.calls_by_number.values():
        before: list[datetime] = []
        for call in sorted(its_calls, key=lambda call: call.placed_at):
            if (rang_at := call.rang_at) is None:
                continue
            lead = evidence.lead_of(call)
            campaign = evidence.campaign_by_id.get(lead.campaign_id) if lead else None
            rings = 1 + sum(rang_at - _DAY < moment for moment in before)
            if lead is not None and campaign is not None and rings > campaign.policy.max_calls_per_day:
                words = f"{rings} rings in 24 hours"
                yield Finding(rule=BrokenRule.RUNG_ABOVE_CAP, ids=(call.call_sid, lead.id), words=words)
            before.append(rang_at)


def _no_more_rings_than_attempts(evidence: Evidence) -> Iterator[Finding]:
    rung = (evidence.lead_of(call) for call in evidence.calls if call.rang_at is not None)
    rings = Counter(lead.id for lead in rung if lead is not None)
    for lead in evidence.leads:
        if (campaign := evidence.campaign_by_id.get(lead.campaign_id)) is None:
            continue
        policy = campaign.policy
        if rings[lead.id] > policy.max_attempts + policy.max_network_retries + PROMISED_BEYOND_PLAN:
            yield Finding(rule=BrokenRule.RUNG_ABOVE_CAP, ids=(lead.id,), words=f"{rings[lead.id]} rings in all")


def _nobody_rung_after_an_opt_out(evidence: Evidence) -> Iterator[Finding]:
    since = {one.phone: one.created_at for one in evidence.suppressions}
    for call in evidence.calls:
        if (asked := call.asked_never_again_at) is not None:
            since[call.number] = min(asked, since.get(call.number, asked))
    for call in evidence.calls:
        asked = since.get(call.number)
        if call.rang_at is not None and asked is not None and call.rang_at > asked + SLACK + call.lay_for:
            ids = (call.call_sid, call.attempt_id or "")
            yield Finding(rule=BrokenRule.RUNG_AFTER_OPT_OUT, ids=ids, words=later(asked, call.rang_at))


def _nobody_talked_to_after_an_opt_out(evidence: Evidence) -> Iterator[Finding]:
    since = {one.phone: one.created_at for one in evidence.suppressions}
    for call in evidence.calls:
        asked = since.get(call.number)
        if asked and call.talked_at and call.answered_at and call.answered_at > asked + ANSWER_SLACK:
            ids = (call.call_sid, call.attempt_id or "")
            yield Finding(rule=BrokenRule.TALKED_AFTER_OPT_OUT, ids=ids, words=later(asked, call.answered_at))


def _nobody_rung_after_the_outcome(evidence: Evidence) -> Iterator[Finding]:
    for call in evidence.calls:
        lead = evidence.lead_of(call)
        if lead and lead.final_at and call.rang_at and call.rang_at > lead.final_at + SLACK + call.lay_for:
            words = later(lead.final_at, call.rang_at)
            yield Finding(rule=BrokenRule.RUNG_AFTER_OUTCOME, ids=(call.call_sid, lead.id), words=words)


def _what_a_gate_refused_stays_refused(evidence: Evidence) -> Iterator[Finding]:
    """A second call of an attempt is refused at its answer and named by other rules; the first one may talk."""
    refused = {(one.attempt_id, one.stage): one.rule for one in evidence.refusals if one.rule != Rule.OTHER_CALL.value}
    for call in evidence.calls:
        ids = (call.call_sid, call.attempt_id or "")
        if call.rang_at and (rule := refused.get((call.attempt_id, _BEFORE_POST))):
            yield Finding(rule=BrokenRule.RUNG_DESPITE_REFUSAL, ids=ids, words=rule)
        if call.talked_at and (rule := refused.get((call.attempt_id, _AT_ANSWER))):
            yield Finding(rule=BrokenRule.TALKED_DESPITE_REFUSAL, ids=ids, words=rule)


CHECKS = (
    _rings_within_hours_and_stops,
    _rings_below_the_daily_cap,
    _no_more_rings_than_attempts,
    _nobody_rung_after_an_opt_out,
    _nobody_talked_to_after_an_opt_out,
    _nobody_rung_after_the_outcome,
    _what_a_gate_refused_stays_refused,
)
