"""The independent judge: was a promise broken? Pure: evidence in, a score card out; no I/O, no clock.

It trusts none of the three sides. What rang is the carrier's word, what was meant to happen the records', where each
lead ended Temporal's; every rule compares at least two of them, or holds one against the campaign's own policy.
"""

from pydantic import BaseModel, ConfigDict

from cadenza.domain import judge_calls, judge_records, judge_rings
from cadenza.domain.judge_facts import Evidence
from cadenza.domain.judge_rules import COUNTED, BrokenRule, Finding
from cadenza.domain.outcomes import AttemptOutcome

_CHECKS = (*judge_calls.CHECKS, *judge_rings.CHECKS, *judge_records.CHECKS)


class ScoreCard(BaseModel):
    """The verdict. `findings` are in the order of the checks."""

    model_config = ConfigDict(frozen=True)

    leads: int
    attempts: int
    calls: int
    rings: int
    conversations: int
    streams_broken: int
    unknown_attempts: int
    unheard_opt_outs: int
    mailbox_fragments: int
    findings: tuple[Finding, ...]

    @property
    def violations(self) -> tuple[Finding, ...]:
        """The findings that fail the run."""
        return tuple(finding for finding in self.findings if finding.rule not in COUNTED)

    @property
    def passed(self) -> bool:
        return not self.violations

    def count(self, rule: BrokenRule) -> int:
        return sum(finding.rule is rule for finding in self.findings)


def judge(evidence: Evidence) -> ScoreCard:
    """Hold the evidence against every rule."""
    return ScoreCard(
        leads=len(evidence.leads),
        attempts=len(evidence.attempts),
        calls=len(evidence.calls),
        rings=sum(call.rang_at is not None for call in evidence.calls),
        conversations=sum(call.answered_at is not None for call in evidence.calls),
        streams_broken=sum(call.broken_streams for call in evidence.calls),
        unknown_attempts=sum(attempt.outcome == AttemptOutcome.UNKNOWN for attempt in evidence.attempts),
        unheard_opt_outs=sum(call.asked_nobody for call in evidence.calls),
        mailbox_fragments=sum(call.fragments for call in evidence.calls),
        findings=tuple(finding for check in _CHECKS for finding in check(evidence)),
    )
