"""How a campaign looks in a terminal: what an upload did, a live view, the report. From the API's JSON to Rich."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cadenza.domain.calling_hours import DAYS

Json = dict[str, Any]

_GOOD = {
    "booked": "bold green", "transferred": "bold green", "interested": "green", "callback_promised": "green",
    "voicemail_left": "cyan",
}  # fmt: skip
_BAD = {"opted_out": "red", "failed": "red", "invalid_number": "yellow", "uncallable": "yellow", "unknown": "red"}
_STAGES = {
    "transcript": "end of turn known, final transcript",
    "first_token": "first word of the model",
    "first_sentence": "first sentence of the model",
    "first_voice": "first byte of the voice",
    "first_audio": "first frame sent",
    "heard": "reply heard",
}
ROWS_OF_LIVE_CALLS = 8


def words(code: str) -> str:
    """A code as people read it."""
    return code.replace("_", " ")


def upload_view(result: Json) -> RenderableType:
    """What the file did, and each finding with its fix."""
    is_dry = result.get("dry_run", False)
    head = Text.assemble(
        (f"{result['accepted']} leads {'would be taken' if is_dry else 'taken'}", "green"),
        f" of {result['rows']} rows",
        (f", {result['rejected']} not taken", "yellow") if result["rejected"] else "",
    )
    if result.get("already_uploaded"):
        head.append(" (the same file was here before: nothing was changed)", style="dim")
    if is_dry:
        head.append(" (a dry run: nothing was changed)", style="dim")
    if not result["findings"]:
        return head
    table = _table("Row", "Column", "Finding", "What to do")
    for finding in result["findings"]:
        mark = "yellow" if finding["severity"] == "error" else "dim"
        table.add_row(
            str(finding["row"]), finding["column"], Text(f"{words(finding['code'])}: {finding['message']}", style=mark),
            finding["fix"],
        )  # fmt: skip
    parts: list[RenderableType] = [head, _titled("Findings", table)]
    if result.get("next"):
        parts.append(Text(f"There are more: `cadenza campaign rejected {result['id']} FILE` writes all rows not taken"))
    return Group(*parts)


def preview_view(preview: Json) -> RenderableType:
    """What each column is taken for, and the first rows with what they would become."""
    columns = _table("Column", "Taken for", "For example")
    for column in preview["columns"]:
        style = "dim" if column["target"] == "ignore" else ""
        columns.add_row(column["name"], Text(column["target"], style=style), ", ".join(column["samples"]))
    rows = _table(">Row", "Lead", "Finding")
    for row in preview["rows"]:
        lead = row["lead"]
        shown = f"{lead['phone']}  {lead['name']}" if lead else Text("not taken", style="yellow")
        found = "; ".join(f"{words(finding['code'])}: {finding['message']}" for finding in row["findings"])
        rows.add_row(str(row["row"]), shown, found)
    head = Text(f"{preview['kind'].upper()} {preview['encoding']}".strip())
    fields = Text("A column can be taken for: " + ", ".join(preview["targets"]), style="dim")
    return Group(head, _titled("Columns", columns), fields, Text(""), _titled("The first rows", rows))


def waits_for(progress: Json) -> str:
    """Why nobody new is called, if so."""
    return str(progress["state_reason"] or progress["dialer_paused_reason"] or progress["dialer_waiting_reason"] or "")


def how_it_goes_on(breaker: Json, command: str) -> str:
    """What ends a pause that began by itself."""
    if breaker["state"] == "probing":
        return "One call goes out now, to see whether it is over"
    if breaker["probe_at"] is None:
        return f"Waits for you: when it is put right, `{command}`"
    return f"One call is tried at {_clock(breaker['probe_at'])}; or `{command}`"


def progress_view(progress: Json, now: datetime | None = None) -> RenderableType:
    """The live view: how far, how the finished ones ended, who is being called, what comes next."""
    total = max(1, progress["leads"])
    done = progress["finished"]
    bar = Table.grid(padding=(0, 1))
    bar.add_row(
        Text(words(progress["state"]), style="bold"),
        ProgressBar(total=total, completed=done, width=40),
        f"{done} of {progress['leads']} leads have their outcome",
    )
    parts: list[RenderableType] = [bar]
    if reason := waits_for(progress):
        parts.append(Text(reason, style="yellow"))
    if breaker := progress["breaker"]:
        parts.append(Text(how_it_goes_on(breaker, f"cadenza campaign resume {progress['id']}"), style="yellow"))
    parts.append(_counts(progress["outcomes"]))
    parts.append(_live_calls(progress["under_way"], now or datetime.now(UTC)))
    for rule, count in progress["held"].items():
        held = f"{count} leads are held for you ({words(rule)}): `cadenza lead why` on one of them says what is missing"
        parts.append(Text(held, style="yellow"))
    if (due := progress["next_due"]) and not progress["under_way"]:
        parts.append(Text(f"Next: {due['step']} at {_clock(due['at'])}", style="dim"))
    return Group(*parts)


def report_view(report: Json) -> RenderableType:
    """The whole report."""
    parts: list[RenderableType] = [_outcomes(report)]
    if report["appointments"]:
        parts.append(_appointments(report["appointments"]))
    parts.append(_rates(report))
    if report["answer_hours"]["hours"]:
        parts.append(_answer_hours(report["answer_hours"]))
    if report["uploads"]["findings"]:
        parts.append(_row_errors(report["uploads"]))
    if report["reply_latency"]:
        parts.append(_latency(report["reply_latency"]))
        parts.append(_reply_time(report["reply_time"]))
    parts.append(_cost(report["cost"]))
    if report["refusals"]:
        parts.append(Text("Not called for a while, by rule: ").append(_counts(report["refusals"])))
    if report["unfinished"]:
        parts.append(_unfinished(report))
    return Group(*(item for part in parts for item in (part, Text(""))))


def _outcomes(report: Json) -> RenderableType:
    table = _table("Outcome", ">Leads", "")
    most = max(report["outcomes"].values(), default=1)
    for outcome, count in sorted(report["outcomes"].items(), key=lambda item: (-item[1], item[0])):
        table.add_row(
            Text(words(outcome), style=_look(outcome)), str(count), Text("█" * max(1, round(24 * count / most)))
        )
    return _titled(f"{report['name']}: {report['leads']} leads, {words(report['state'])}", table)


def _appointments(appointments: list[Json]) -> RenderableType:
    table = _table("When (rep's time)", "Rep", "Kept in", "State")
    for one in sorted(appointments, key=lambda item: item["starts_at"]):
        table.add_row(_local(one["starts_at"], one["time_zone"]), one["rep"], one["provider"], one["state"])
    return _titled(f"{len(appointments)} appointments", table)


def _rates(report: Json) -> RenderableType:
    table = _table("Rate", ">Count", ">Of", "", ">Share")
    for name, rate in report["rates"].items():
        share = "-" if rate["share"] is None else f"{rate['share']:.1%}"
        table.add_row(words(name), str(rate["count"]), str(rate["of"]), rate["of_what"], share)
    attempts = report["attempts"]
    table.add_section()
    table.add_row("retries", str(attempts["retries"]), "", f"of them {attempts['callbacks']} promised callbacks", "")
    table.add_row("voicemails left", str(report["voicemails"]["left"]), "", "heard to the end by the machine", "")
    table.add_row("disclosure heard", str(attempts["disclosures_heard"]), "", "calls", "")
    return _titled("Calls", table)


def _answer_hours(found: Json) -> RenderableType:
    """Days down, hours across; what too few calls were counted of is a dot."""
    shares = {(cell["weekday"], cell["hour"]): cell for cell in found["hours"]}
    hours = range(min(hour for _, hour in shares), max(hour for _, hour in shares) + 1)
    best = max(cell["share"] for cell in shares.values())
    table = _table("Share of calls", *(f">{hour}" for hour in hours))
    for weekday, day in enumerate(DAYS):
        cells = [shares.get((weekday, hour)) for hour in hours]
        table.add_row(day, *(Text(f"{cell['share']:.0%}", style=_heat(cell["share"], best)) if cell else "·"
                             for cell in cells))  # fmt: skip
    parts = ", ".join(
        f"{part} {one['share']:.0%} of {one['rung']} ({one['low']:.0%} to {one['high']:.0%})"
        for part, one in found["parts"].items()
    )
    return Group(_titled("When people answer, by their clock", table), Text(parts, style="dim"))


def _heat(share: float, best: float) -> str:
    return "bold green" if share >= 0.8 * best else "yellow" if share >= 0.5 * best else "dim"


def _row_errors(uploads: Json) -> RenderableType:
    table = _table("Rows", "Finding", "What to do")
    for finding in uploads["findings"]:
        rows = ", ".join(str(row) for row in finding["rows"])
        table.add_row(rows, f"{words(finding['code'])}: {finding['message']}", finding["fix"])
    return _titled(f"{uploads['rejected']} of {uploads['rows']} rows not taken", table)


def _latency(stages: list[Json]) -> RenderableType:
    table = _table("From the callee's last sound to", ">p50 ms", ">p95 ms", ">p99 ms", ">Stage p50", ">p95", ">Turns")
    for stage in stages:
        table.add_row(
            _STAGES.get(stage["stage"], words(stage["stage"])),
            *(f"{stage[point]:.0f}" for point in ("p50", "p95", "p99", "took_p50", "took_p95")), str(stage["count"]),
        )  # fmt: skip
    return _titled("Reply time", table)


def _reply_time(heard: Json) -> RenderableType:
    goals = f"Goal for a reply heard: p50 under {heard['goal_p50']:.0f} ms, p95 under {heard['goal_p95']:.0f} ms: "
    verdict = {True: ("met", "green"), False: ("NOT met", "yellow"), None: ("nothing measured", "dim")}[heard["met"]]
    return Text.assemble(goals, verdict)


def _cost(cost: Json) -> RenderableType:
    total = cost["total"]
    parts = ", ".join(f"{words(name)} {value:.2f}" for name, value in total.items() if name != "total")
    line = Text.assemble("Cost estimate: ", (f"{total['total']:.2f} {cost['currency']}", "bold"), f" ({parts})")
    if cost["per_appointment"] is not None:
        line.append(f"; {cost['per_appointment']:.2f} an appointment")
    return line


def _unfinished(report: Json) -> RenderableType:
    table = _table("Lead", "State", "Next step", "When")
    for lead in report["without_final_outcome"]:
        table.add_row(lead["lead_id"], lead["state"], lead["next_step"], _clock(lead["due_at"]))
    return _titled(f"{report['unfinished']} leads without a final outcome", table)


def _live_calls(calls: list[Json], now: datetime) -> RenderableType:
    table = _table("Call", ">Attempt", "State", "Answered by", ">Seconds")
    for call in calls[:ROWS_OF_LIVE_CALLS]:
        seconds = max(0, round((now - datetime.fromisoformat(call["since"])).total_seconds()))
        table.add_row(
            call["call_id"], str(call["number"]), words(call["state"]), words(call["answered_by"] or ""), str(seconds)
        )
    if len(calls) > ROWS_OF_LIVE_CALLS:
        table.add_row(f"and {len(calls) - ROWS_OF_LIVE_CALLS} more", "", "", "", "")
    return _titled(f"{len(calls)} calls under way", table)


def _counts(counts: dict[str, int]) -> Text:
    line = Text()
    for code, count in sorted(counts.items(), key=lambda item: -item[1]):
        line.append(f"{words(code)} {count}  ", style=_look(code))
    return line


def _titled(title: str, table: Table) -> RenderableType:
    """The title on a line of its own: a table's own title is folded to the table's width."""
    return Group(Text(title, style="bold"), table)


def _table(*headings: str) -> Table:
    """A heading that starts with > is right-aligned."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(
            heading.lstrip(">"), justify="right" if heading.startswith(">") else "left", overflow="fold",
            header_style="dim",
        )  # fmt: skip
    return table


def _look(code: str) -> str:
    return _GOOD.get(code) or _BAD.get(code) or ""


def _clock(at: str | None) -> str:
    return "" if at is None else datetime.fromisoformat(at).astimezone().strftime("%a %d %b %H:%M:%S")


def _local(at: str, zone: str) -> str:
    try:
        moment = datetime.fromisoformat(at).astimezone(ZoneInfo(zone))
    except ZoneInfoNotFoundError:
        moment = datetime.fromisoformat(at).astimezone(UTC)
    return moment.strftime("%a %d %b %H:%M %Z")
