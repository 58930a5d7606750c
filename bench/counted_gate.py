"""The gate, with a count of what it was asked and of the time that it took."""

import time
from datetime import datetime

from cadenza.domain.gate import Gate, GateDecision, GateFacts
from cadenza.domain.rules.rule_book import RuleBook


class CountedGate(Gate):
    """Decides as `Gate` does. `seconds` are those of decisions alone; plans are counted, not timed."""

    def __init__(self, rules: RuleBook) -> None:
        super().__init__(rules)
        self.decisions = 0
        self.plans = 0
        self.seconds = 0.0

    def check(self, facts: GateFacts, now: datetime) -> GateDecision:
        began = time.perf_counter()
        decision = super().check(facts, now)
        self.seconds += time.perf_counter() - began
        self.decisions += 1
        return decision

    def next_planned(self, facts: GateFacts, now: datetime) -> datetime | None:
        self.plans += 1
        return super().next_planned(facts, now)
