"""`cadenza rules ...`: the calling rules, with grade and source; those in force, and changes to them."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from cadenza.calling_rules import read_rules
from cadenza.domain.candidate_places import candidate_places
from cadenza.domain.open_times import WHOLE_DAY, Span, zone_data_version
from cadenza.domain.phone import PhoneRefused, parse_phone
from cadenza.domain.place import Place
from cadenza.domain.rules.jurisdiction import Jurisdiction, real_jurisdiction
from cadenza.domain.rules.open_week import clock, open_week
from cadenza.domain.rules.rule_book import RuleBook, RulesRefused
from cadenza.operations import rules_change_commands
from cadenza.operations.campaign_commands import connected
from cadenza.operations.screen import console, error_console, show_error
from cadenza.operations.settings_check import load_settings

app = typer.Typer(no_args_is_help=True)
for command in (rules_change_commands.apply, rules_change_commands.withdraw, rules_change_commands.versions):
    app.command()(command)

GRADES = "Grades: P law read, S account of it read, M not confirmed, R no law known, O operator's own."


@app.command()
def show(
    place: Annotated[
        str | None, typer.Argument(help="A country (AU), a state (US-FL), or a number (+12125550123); none: the table")
    ] = None,
    overlay: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Changes (JSON) to check and lay over; else CALLING_RULES"),
    ] = None,
    in_force: Annotated[
        bool, typer.Option("--in-force", help="Of the running system, with what was applied to it")
    ] = False,
) -> None:
    """Show every jurisdiction, or what holds in one place, with how sure it is and where it is from."""
    if in_force:
        with connected() as client:
            book = rules_change_commands.book_in_force(client)
    else:
        book = _read(overlay or load_settings().calling_rules)
    console.print(f"Rules {book.version}, zone data {zone_data_version()}. {GRADES} Not legal advice.")
    if place is None:
        console.print(_table(book))
        return
    for one in _places(place):
        _show_place(book, one)


def _read(overlay: Path | None) -> RuleBook:
    try:
        return read_rules(overlay)
    except RulesRefused as refused:
        for problem in refused.problems:
            show_error(f"{problem.field}: {problem.message}")
            error_console.print(Text(f"    -> {problem.fix}"), soft_wrap=True)
        raise typer.Exit(1) from None


def _places(written: str) -> tuple[Place, ...]:
    if written[0] in "+0123456789":
        try:
            return candidate_places(parse_phone(written, "US").e164)
        except PhoneRefused as refused:
            show_error(f"{refused.message} {refused.fix}")
            raise typer.Exit(1) from None
    try:
        country, _, state = real_jurisdiction(written.upper()).partition("-")
    except ValueError as error:
        show_error(f"{written}: {error}. Write a country such as AU, or a state such as US-FL.")
        raise typer.Exit(1) from None
    return (Place(country, state),)


def _table(book: RuleBook) -> Table:
    table = Table(
        title="Hours in the called party's local time; a state's rules add to its country's", title_justify="left"
    )
    for heading in ("Id", "Name", "Mon-Fri", "Sat", "Sun", "Holidays", "Caps", "Consent", "Recording", "Grades"):
        table.add_column(heading, overflow="fold")
    for row in book.jurisdictions.values():
        weekdays = {row.span(weekday) for weekday in range(5)}
        table.add_row(
            row.id,
            row.name,
            _hours(weekdays.pop()) if len(weekdays) == 1 else "varies",
            _hours(row.span(5)),
            _hours(row.span(6)),
            "" if row.holidays is None else "barred" if row.holidays.barred else "allowed",
            ", ".join(f"{cap.calls}/{cap.within_hours} h" for cap in row.attempt_caps),
            ", ".join(sorted({rule.needs.value for rule in row.consent})),
            "" if row.recording is None else row.recording.needs.value.replace("_", " "),
            " ".join(sorted({rule.grade.value for rule in row.rules})),
        )
    return table


def _show_place(book: RuleBook, place: Place) -> None:
    rows = book.rows_for(place)
    console.print(Text(f"\n{place.id}  {', '.join(place.zones)}", style="bold"))
    if not book.knows(place):
        console.print("The book has no rules for this country: the strictest of all rows hold.")
    elif not place.state and len(rows) > 1:
        console.print("The state is not known: the strictest of all its rows hold.")
    console.print("Calls are allowed " + "; ".join(_week(rows)))
    table = Table("Of", "Rule", "Grade", "Source", "Note")
    for row in rows:
        for rule in row.rules:
            table.add_row(row.id, rule.words, rule.grade.value, rule.source, rule.note)
    for blackout in book.blackouts_at(place):
        table.add_row(place.id, f"no calls on {blackout.day}: {blackout.reason}", "O", "", "")
    console.print(table)


def _week(rows: tuple[Jurisdiction, ...]) -> list[str]:
    """What all rows together leave open, day by day."""
    return [f"{day.capitalize()} {_hours(hours) or 'all day'}" for day, hours in open_week(rows).items()]


def _hours(span: Span | None) -> str:
    if span is None:
        return "none"
    return "" if span == WHOLE_DAY else "-".join(clock(moment) for moment in span)
