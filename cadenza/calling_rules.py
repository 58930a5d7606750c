"""The process's calling rules: the book that comes with Cadenza, and over it the operator's overlay (CALLING_RULES)."""

import json
from functools import lru_cache
from pathlib import Path

from cadenza.domain.rules.rule_book import RuleBook, RuleProblem, RulesRefused, standard_rules
from cadenza.settings import Settings

_CHECK = "Check it with `cadenza rules show --overlay FILE`; its form is in docs/rules.md."


def read_rules(overlay: Path | None) -> RuleBook:
    """The standard rules, with the operator's changes if there is a file of them. Raises RulesRefused."""
    if overlay is None:
        return standard_rules()
    try:
        changes = json.loads(overlay.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise _refused(f"{overlay.name} is not JSON: {error.msg} in line {error.lineno}", _CHECK) from None
    except UnicodeDecodeError:
        raise _refused(f"{overlay.name} is not text in UTF-8", _CHECK) from None
    except OSError as error:
        fix = "Write the path of a file that this process can read, or leave the setting out."
        raise _refused(f"{overlay} cannot be read: {error.strerror}", fix) from None
    return standard_rules().with_overlay(changes)


def rules_for(settings: Settings) -> RuleBook:
    """The process's own book, read once; what was changed through the API lies over it (`records.rules_in_force`).
    Raises RulesRefused: a start with other rules than the operator's would be worse."""
    return _rules(settings.calling_rules)


@lru_cache(maxsize=4)
def _rules(overlay: Path | None) -> RuleBook:
    return read_rules(overlay)


def _refused(message: str, fix: str) -> RulesRefused:
    return RulesRefused((RuleProblem(field="the file", message=message, fix=fix),))
