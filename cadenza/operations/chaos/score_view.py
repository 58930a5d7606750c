"""The score card of a run, and the summary of many, as tables."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cadenza.domain.judge import ScoreCard
from cadenza.domain.judge_rules import COUNTED, TITLES, BrokenRule
from cadenza.operations.chaos.recovery import Recovery, all_recoveries
from cadenza.operations.chaos.results import ChaosResult

_MOST_FINDINGS = 30


def result_view(result: ChaosResult) -> RenderableType:
    """Card, misfortunes, recovery and findings."""
    card = result.card
    verdict = Text("No promise was broken", style="bold green")
    if not card.passed:
        verdict = Text(f"{len(card.violations)} violations", style="bold red")
    if result.timed_out:
        verdict.append(" (the campaigns did not come to their end in time)", style="bold red")
    return Group(
        score_table(card),
        _misfortunes(result),
        recovery_table(result.recoveries),
        *([_findings(card)] if card.findings else []),
        verdict,
    )


def score_table(card: ScoreCard) -> Table:
    """One line for each rule."""
    title = (
        f"Score card: {card.leads} leads, {card.attempts} attempts, {card.calls} calls, {card.rings} rings, "
        f"{card.conversations} answered"
    )
    table = Table(title=title, title_justify="left")
    table.add_column("Rule")
    table.add_column("Found", justify="right")
    for rule in BrokenRule:
        count = card.count(rule)
        style = "green" if count == 0 else "yellow" if rule in COUNTED else "bold red"
        title = TITLES[rule] + (" (counted)" if rule in COUNTED else "")
        table.add_row(title, Text(str(count), style=style))
    for title, count in _counted(card).items():
        table.add_row(f"{title} (counted)", str(count), style="dim")
    return table


def _counted(card: ScoreCard) -> dict[str, int]:
    """Figures that belong to no rule."""
    return {
        "Attempts whose talk broke off without a result": card.unknown_attempts,
        "Media streams that broke": card.streams_broken,
        "Opt-outs that were begun on a line that broke": card.unheard_opt_outs,
        "Mailboxes that kept a piece of a conversation": card.mailbox_fragments,
    }


def recovery_table(recoveries: Sequence[Recovery], *, markdown: bool = False) -> Table:
    """Seconds from a death to the next call."""
    headings = ("Process", "Deaths", "Measured", "p50", "Longest")
    table = _table("From a death to the next call placed, while leads were due", headings, markdown=markdown)
    for one in recoveries:
        table.add_row(
            one.target, str(one.deaths), str(one.measured), _seconds(one.median_seconds), _seconds(one.longest_seconds)
        )
    return table


def report_view(results: Sequence[ChaosResult]) -> RenderableType:
    """Many runs together, in Markdown: totals, a line for each seed, what each rule found, recovery by process."""
    return Group(
        Text(_totals(results)),
        _seed_table(results),
        _rule_table(results),
        recovery_table(all_recoveries([(one.kills, one.waits) for one in results]), markdown=True),
    )


def _totals(results: Sequence[ChaosResult]) -> str:
    cards = [one.card for one in results]
    commits = ", ".join(sorted({one.commit or "unknown" for one in results}))
    return (
        f"{len(results)} runs of commit {commits}: {sum(card.leads for card in cards)} leads, "
        f"{sum(card.calls for card in cards)} calls, {sum(card.rings for card in cards)} rings, "
        f"{sum(card.conversations for card in cards)} answered; {_sum(one.kills for one in results)} kills, "
        f"{_sum(one.freezes for one in results)} freezes, {_sum(one.cuts for one in results)} cuts, "
        f"{sum(one.rolls for one in results)} rolling restarts, {sum(one.pauses for one in results)} pauses, "
        f"{sum(one.struck for one in results)} requests struck by {_sum(one.faults for one in results)} faults; "
        f"{sum(len(card.violations) for card in cards)} violations, "
        f"{sum(one.timed_out for one in results)} runs out of time, "
        f"{sum(one.breaker_trips for one in results)} trips of circuit breakers"
    )


def _seed_table(results: Sequence[ChaosResult]) -> Table:
    headings = (
        "Seed", "Leads", "Calls", "Kills", "Freezes", "Cuts", "Struck", "Seconds", "Violations", "Broken streams",
        "Dropped calls",
    )  # fmt: skip
    table = _table("Runs", headings, markdown=True)
    for one in results:
        table.add_row(
            str(one.seed), str(one.card.leads), str(one.card.calls), str(sum(one.kills.values())),
            str(sum(one.freezes.values())), str(sum(one.cuts.values())), str(one.struck), f"{one.seconds:.0f}",
            f"{len(one.card.violations)}{', out of time' if one.timed_out else ''}", str(one.card.streams_broken),
            str(one.card.count(BrokenRule.LIVE_CALL_DROPPED)),
        )  # fmt: skip
    return table


def _rule_table(results: Sequence[ChaosResult]) -> Table:
    table = _table("Found by rule, in all runs", ("Rule", "Found", "Seeds"), markdown=True)
    for rule in BrokenRule:
        seeds = Counter({one.seed: one.card.count(rule) for one in results})
        title = TITLES[rule] + (" (counted)" if rule in COUNTED else "")
        where = " ".join(str(seed) for seed, count in sorted(seeds.items()) if count)
        table.add_row(title, str(seeds.total()), "" if rule in COUNTED else where)
    figures = sum((Counter(_counted(one.card)) for one in results), Counter[str]())
    for title in _counted(results[0].card) if results else ():
        table.add_row(f"{title} (counted)", str(figures[title]), "")
    return table


def _table(title: str, headings: Sequence[str], *, markdown: bool) -> Table:
    """The first column is words, the others are figures."""
    table = Table(title=title, title_justify="left", box=box.MARKDOWN if markdown else box.HEAVY_HEAD)
    for heading in headings:
        table.add_column(heading, justify="left" if heading == headings[0] else "right")
    return table


def _sum(counts: Iterable[Mapping[str, int]]) -> int:
    return sum(sum(one.values()) for one in counts)


def _misfortunes(result: ChaosResult) -> Text:
    done = (f"{sum(counts.values())} {name} ({_listed(counts)})" for name, counts in (
        ("kills", result.kills), ("freezes", result.freezes), ("cuts", result.cuts)))  # fmt: skip
    words = (
        f"Seed {result.seed}, {result.seconds:.0f} s on {result.processors} processors ({result.busy:.0%} busy): "
        f"{', '.join(done)}, {result.rolls} rolling restarts, {result.pauses} pauses, "
        f"{sum(result.faults.values())} orders of faults, {result.struck} requests struck"
    )
    if result.breaker_trips:
        words += f"; {result.breaker_trips} trips of circuit breakers"
    if result.not_played:
        words += f"; not played: {', '.join(result.not_played)}"
    return Text(words)


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def _findings(card: ScoreCard) -> Table:
    table = Table(title="Findings", title_justify="left")
    for heading in ("Rule", "Ids", "What"):
        table.add_column(heading, overflow="fold")
    for finding in card.findings[:_MOST_FINDINGS]:
        table.add_row(finding.rule.value, " ".join(finding.ids), finding.words)
    return table


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"
