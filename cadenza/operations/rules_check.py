"""The doctor's look at the calling rules: can the file be used, and which rules of law do the operator's changes take
away, in the file or over the API?"""

from cadenza.calling_rules import read_rules
from cadenza.domain.rules.loosened import loosened
from cadenza.domain.rules.rule_book import RuleBook, RulesRefused, standard_rules
from cadenza.operations.findings import Finding, Verdict
from cadenza.operations.records_reader import read_records
from cadenza.settings import Settings

SUBJECT = "Calling rules"
RULES_SHOWN = 5
"""Of those that are taken away."""
_NEWEST_OVERLAY = "select overlay from rule_overlay order by id desc limit 1"


def calling_rules(settings: Settings) -> list[Finding]:
    """The rules in use; a file that cannot be used is among the settings' problems."""
    try:
        book = read_rules(settings.calling_rules)
    except RulesRefused:
        return []
    applied = next((row[0] for row in read_records(settings, _NEWEST_OVERLAY)), None)
    if applied is None:
        return [_judged(book, "CALLING_RULES takes", "take these changes out of the file")]
    try:
        book = book.with_overlay(applied)
    except RulesRefused as refused:
        fix = "send them again with `cadenza rules apply`, or `cadenza rules withdraw`: nobody is called until then"
        return [Finding(SUBJECT, Verdict.WRONG, f"the changes that were applied do not fit: {refused}", fix)]
    return [_judged(book, "what was applied or CALLING_RULES takes", "`cadenza rules versions` tells who and why")]


def _judged(book: RuleBook, who: str, instead: str) -> Finding:
    if not (less := loosened(standard_rules(), book)):
        return Finding(SUBJECT, Verdict.GOOD, f"version {book.version}")
    shown = "; ".join(less[:RULES_SHOWN]) + (f"; and {len(less) - RULES_SHOWN} more" if len(less) > RULES_SHOWN else "")
    words = f"version {book.version}: {who} away {len(less)} rules of law: {shown}"
    fix = f"ask counsel, or {instead}; `cadenza rules show PLACE` has the sources"
    return Finding(SUBJECT, Verdict.DOUBTFUL, words, fix)
