"""A workflow's commands change only behind `workflow.patched`."""

import json

from tests.workflows.fingerprints import FILE, broken, read_fingerprints

WHAT_TO_DO = (
    "the commands of these workflow functions changed: leads that are under way would not replay and be stuck. "
    "Guard the change with `workflow.patched(...)`, or, where no such lead can be alive, record histories and "
    "fingerprints anew (tests/workflows/record_histories.py, fingerprints.py)"
)


def test_no_command_changed_without_a_patch() -> None:
    changed = broken(json.loads(FILE.read_text()), read_fingerprints())
    assert not changed, f"{WHAT_TO_DO}: {', '.join(changed)}"


def test_a_changed_command_is_noticed() -> None:
    before = {"lead.LeadWorkflow.run": ["timer", "execute_activity:A.b"]}
    assert broken(before, {"lead.LeadWorkflow.run": ["execute_activity:A.b", "timer"]})
    assert broken(before, {})
    assert broken(before, {**before, "lead.LeadWorkflow.more": ["timer"]})
    assert not broken(before, before)


def test_a_patched_change_is_fine() -> None:
    before = {"lead.LeadWorkflow.run": ["timer"]}
    assert not broken(before, {"lead.LeadWorkflow.run": ["patched:'sleep-longer'", "timer", "timer"]})
