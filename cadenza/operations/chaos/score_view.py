"""The score card in a terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cadenza.domain.judge import COUNTED, TITLES, BrokenRule, ScoreCard
from cadenza.operations.chaos.recovery import Recovery, all_recoveries
from cadenza.operations.chaos.run import ChaosResult

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


def summary_view(results: list[ChaosResult]) -> RenderableType:
    """Several seeds together: a line for each, then the recovery times of all."""
    table = Table(title="All seeds", title_justify="left")
    for heading in ("Seed", "Leads", "Calls", "Kills", "Freezes", "Struck", "Seconds", "Violations", "Dropped calls"):
        table.add_column(heading, justify="right")
    for one in results:
        bad = len(one.card.violations) + one.timed_out
        table.add_row(
            str(one.seed), str(one.card.leads), str(one.card.calls), str(sum(one.kills.values())),
            str(sum(one.freezes.values())), str(one.struck), f"{one.seconds:.0f}",
            Text(str(bad), style="bold red" if bad else "green"),
            str(one.card.count(BrokenRule.LIVE_CALL_DROPPED)),
        )  # fmt: skip
    kills = sum(sum(one.kills.values()) for one in results)
    leads = sum(one.card.leads for one in results)
    total = Text(f"{len(results)} seeds, {leads} leads, {kills} kills", style="bold")
    return Group(table, total, recovery_table(all_recoveries([(one.kills, one.waits) for one in results])))


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
        table.add_row(TITLES[rule], Text(str(count), style=style))
    table.add_row("Attempts whose talk broke off without a result (counted)", str(card.unknown_attempts), style="dim")
    table.add_row("Media streams that broke (counted)", str(card.streams_broken), style="dim")
    return table


def recovery_table(recoveries: list[Recovery]) -> Table:
    """Seconds from a death to the next call."""
    table = Table(title="From a death to the next call placed, while leads were due", title_justify="left")
    for heading in ("Process", "Deaths", "Measured", "p50", "Longest"):
        table.add_column(heading, justify="left" if heading == "Process" else "right")
    for one in recoveries:
        table.add_row(
            one.target, str(one.deaths), str(one.measured), _seconds(one.median_seconds), _seconds(one.longest_seconds)
        )
    return table


def _misfortunes(result: ChaosResult) -> Text:
    freezes = ", ".join(f"{name} {count}" for name, count in sorted(result.freezes.items()))
    return Text(
        f"Seed {result.seed}, {result.seconds:.0f} s: {sum(result.kills.values())} kills, "
        f"{sum(result.freezes.values())} freezes ({freezes}), {sum(result.faults.values())} orders of faults, "
        f"{result.struck} requests struck"
    )


def _findings(card: ScoreCard) -> Table:
    table = Table(title="Findings", title_justify="left")
    for heading in ("Rule", "Ids", "What"):
        table.add_column(heading, overflow="fold")
    for finding in card.findings[:_MOST_FINDINGS]:
        table.add_row(finding.rule.value, " ".join(finding.ids), finding.words)
    return table


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"
