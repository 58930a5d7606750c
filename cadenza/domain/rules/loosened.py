"""Where a rule book is more lenient than the law's rules in another: what an operator's overlay has taken away."""

from collections.abc import Iterator

from cadenza.domain.calling_hours import DAYS
from cadenza.domain.consent import LineType
from cadenza.domain.open_times import both
from cadenza.domain.rules.jurisdiction import (
    AttemptCap,
    ConsentRule,
    DoNotCallRule,
    Grade,
    GradedRule,
    HolidayCalendar,
    HolidayRule,
    HoursRule,
    Jurisdiction,
    MinimumGap,
)
from cadenza.domain.rules.rule_book import RuleBook

_LAW = frozenset({Grade.PRIMARY, Grade.SECONDARY, Grade.MEMORY})


def loosened(law: RuleBook, changed: RuleBook) -> list[str]:
    """Every rule of `law` that a law is known to ask for and `changed` does not keep: `US-FL: calls 08:00 to ...`."""
    return [
        f"{row.id}: {rule.words}"
        for row in law.jurisdictions.values()
        for rule in row.rules
        if rule.grade in _LAW and not _is_kept(rule, changed.jurisdictions.get(row.id))
    ]


def _is_kept(rule: GradedRule, row: Jurisdiction | None) -> bool:
    if row is None:
        return False
    match rule:
        case HoursRule():
            days = [weekday for weekday, day in enumerate(DAYS) if day in rule.days]
            return all(both(row.span(weekday), rule.span) == row.span(weekday) for weekday in days)
        case HolidayRule():
            return not rule.barred or _bars_as_many(row.holidays, rule)
        case AttemptCap():
            return any(cap.calls <= rule.calls and cap.within_hours >= rule.within_hours for cap in row.attempt_caps)
        case MinimumGap():
            return any(gap.after == rule.after and gap.hours >= rule.hours for gap in row.minimum_gaps)
        case ConsentRule():
            return all(any(one.needs.satisfies(rule.needs) for one in _for_line(row, line)) for line in rule.lines)
        case DoNotCallRule():
            return row.do_not_call is not None and row.do_not_call.max_age_days <= rule.max_age_days
        case _:  # what is said and recorded is not the gate's
            return True


def _bars_as_many(now: HolidayRule | None, before: HolidayRule) -> bool:
    if now is None or not now.barred:
        return False
    return now.calendar in (before.calendar, HolidayCalendar.STATE)


def _for_line(row: Jurisdiction, line: LineType) -> Iterator[ConsentRule]:
    return (rule for rule in row.consent if line in rule.lines)
