"""What one rule book says and another does not: for those who have to know what a change of the rules changed."""

from collections.abc import Iterable, Mapping

from cadenza.domain.rules.jurisdiction import BlackoutDay, Jurisdiction
from cadenza.domain.rules.rule_book import RuleTable


def differences(before: RuleTable, after: RuleTable) -> list[str]:
    """A line for each rule that went or came: `US-FL: - calls 08:00 to ...`, `US-FL: + calls 09:00 to ...`. A rule of
    which only grade, source or note changed goes and comes."""
    lines = []
    for key in sorted({*before.jurisdictions, *after.jurisdictions}):
        lines += _changed(key, _rules(before.jurisdictions.get(key)), _rules(after.jurisdictions.get(key)))
    return lines + _changed("no calls", _days(before.blackout_days), _days(after.blackout_days))


def _changed(of: str, before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    gone = [f"{of}: - {words}" for key, words in before.items() if key not in after]
    return gone + [f"{of}: + {words}" for key, words in after.items() if key not in before]


def _rules(row: Jurisdiction | None) -> dict[str, str]:
    """Words by all that a rule is."""
    if row is None:
        return {}
    covers = {f"covers {row.covers}": f"covers {', '.join(row.covers)}"} if row.covers else {}
    return covers | {f"{name} {rule!r}": f"{rule.words} ({rule.grade.value})" for name, rule in row.named_rules}


def _days(days: Iterable[BlackoutDay]) -> dict[str, str]:
    return {repr(one): f"on {one.day} in {', '.join(one.places) or 'every place'}: {one.reason}" for one in days}
