"""How many decisions does the gate take in a second, on one core, and how many next instants does it find?

Leads like those of a large campaign: American, Canadian, Australian and British numbers with a history of up to three
calls. The facts are made beforehand, as the records would make them; what is timed is the gate alone.

    python -m bench gate [--decisions 100000] [--seed 1]
"""

import argparse
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.table import Table

from bench.machine import describe
from cadenza.domain.candidate_places import Whereabouts, candidate_places
from cadenza.domain.consent import Consent, ConsentGrade, LineType
from cadenza.domain.gate import Gate, GateFacts
from cadenza.domain.outcomes import CampaignState
from cadenza.domain.policy import CampaignPolicy
from cadenza.domain.rules.rule_book import standard_rules

NOW = datetime(2026, 11, 17, 15, tzinfo=UTC)
AREA_CODES = ("212", "305", "423", "512", "605", "702", "850", "208", "480", "604", "416", "907")
OTHERS = ("+61491570156", "+61255500123", "+442079460018")


def draw_facts(draw: random.Random, count: int) -> list[tuple[GateFacts, datetime]]:
    """Leads and the instants they are asked about: any minute of the week that follows."""
    policy = CampaignPolicy()
    copies = dict.fromkeys(("US", "CA", "AU", "GB"), NOW - timedelta(days=3))
    consent = Consent(grade=ConsentGrade.WRITTEN, given_at=NOW - timedelta(days=60))
    facts = []
    for _ in range(count):
        american = f"+1{draw.choice(AREA_CODES)}55501{draw.randrange(100):02d}"
        number = draw.choice(OTHERS) if draw.random() < 0.2 else american
        where = Whereabouts(state=draw.choice(("NY", "FL", "TX", "CA"))) if draw.random() < 0.3 else Whereabouts()
        now = NOW + timedelta(seconds=draw.randrange(7 * 86_400))
        lead = GateFacts(
            campaign_state=CampaignState.RUNNING,
            policy=policy,
            places=candidate_places(number, where),
            suppressed=draw.random() < 0.02,
            line=LineType.UNKNOWN,
            recent_calls=[now - timedelta(hours=draw.randrange(1, 72)) for _ in range(draw.randrange(4))],
            consent=consent,
            registers=copies,
        )
        facts.append((lead, now))
    return facts


def measure(ask: Callable[[GateFacts, datetime], object], facts: Sequence[tuple[GateFacts, datetime]]) -> float:
    """Answers in a second of this process's time."""
    started = time.process_time()
    for lead, now in facts:
        ask(lead, now)
    return len(facts) / (time.process_time() - started)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench gate", description=__doc__.splitlines()[0])
    parser.add_argument("--decisions", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    console = Console()
    console.print(f"Machine: {describe()}")
    facts = draw_facts(random.Random(options.seed), options.decisions)
    gate = Gate(standard_rules())
    started = time.perf_counter()
    gate.check(*facts[0])
    first = time.perf_counter() - started
    decisions, instants = measure(gate.check, facts), measure(gate.next_allowed, facts)
    explanations = measure(gate.explain, facts[: options.decisions // 10])
    allowed = Counter(gate.check(lead, now).allowed for lead, now in facts)[True]
    table = Table("one core, one process", "a second", title=f"{options.decisions:,} leads")
    for name, rate in (("decisions", decisions), ("next instants", instants), ("explanations", explanations)):
        table.add_row(name, f"{rate:,.0f}")
    console.print(table)
    console.print(
        f"Allowed: {allowed / len(facts):.0%}. The very first decision, nothing remembered: {first * 1000:.0f} ms"
    )


if __name__ == "__main__":
    main()
