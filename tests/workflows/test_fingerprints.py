"""A workflow's commands change only behind `workflow.patched`; and the check that says so is itself put to the test."""

import ast
import copy
import json
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from tests.workflows import histories
from tests.workflows.fingerprints import COMMANDS, FILE, broken, read_fingerprints, read_sources

pytestmark = pytest.mark.no_cover  # the workflows are read and changed here, not run from their files

WHAT_TO_DO = (
    "the commands of these workflow functions changed: leads that are under way would not replay and be stuck. "
    "Guard the change with `workflow.patched(...)`, or, where no such lead can be alive, record histories and "
    "fingerprints anew (tests/workflows/record_histories.py, fingerprints.py)"
)

SOURCES = read_sources()
FINGERPRINTS = read_fingerprints(SOURCES)


def test_no_command_changed_without_a_patch() -> None:
    changed = broken(json.loads(FILE.read_text()), SOURCES)
    assert not changed, f"{WHAT_TO_DO}: {', '.join(changed)}"


# The check itself, on the real workflows changed in memory.


def command_statements() -> Iterator[tuple[str, int]]:
    """Every statement that gives a command: its module, and its line."""
    for module, source in SOURCES.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Expr | ast.Assign | ast.Return) and any(map(_is_command, ast.walk(node))):
                yield module, node.lineno


def _is_command(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in COMMANDS:
        return False
    return node.func.attr != "wait_condition" or any(keyword.arg == "timeout" for keyword in node.keywords)


class Edit(ast.NodeTransformer):
    """Puts `new` in the place of the statement at a line; `OLD` in it is what was there."""

    def __init__(self, line: int, new: str) -> None:
        self._line, self._new = line, new

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.Expr | ast.Assign | ast.Return) and node.lineno == self._line:
            old = node

            class Fill(ast.NodeTransformer):
                def visit_Expr(self, node: ast.Expr) -> ast.stmt:
                    return copy.deepcopy(old) if ast.unparse(node) == "OLD" else node

            return Fill().visit(ast.parse(self._new)).body
        return self.generic_visit(node)


def edited(module: str, line: int, new: str) -> dict[str, str]:
    tree = Edit(line, new).visit(ast.parse(SOURCES[module]))
    return {**SOURCES, module: ast.unparse(ast.fix_missing_locations(tree))}


UNGATED = {
    "taken away": "pass",
    "twice": "OLD\nOLD",
    "another one before it": "await workflow.sleep(1)\nOLD",
    "made conditional": "if self:\n    OLD",
    "behind an early return": "if self:\n    return\nOLD",
    "repeated": "while self:\n    OLD",
    "given up for a patch without its old way": "if workflow.patched('new'):\n    OLD",
    "changed on both sides of a patch": (
        "if workflow.patched('new'):\n    await workflow.sleep(1)\nelse:\n    await workflow.sleep(2)\nOLD"
    ),
    "changed beside a patch": "if workflow.patched('new'):\n    await workflow.sleep(1)\nawait workflow.sleep(1)\nOLD",
    "behind a condition that a patch does not decide": (
        "if self or workflow.patched('new'):\n    await workflow.sleep(1)\nOLD"
    ),
}
GATED = {
    "more behind a patch": "if workflow.patched('new'):\n    await workflow.sleep(1)\nOLD",
    "another way behind a patch": "if workflow.patched('new'):\n    await workflow.sleep(1)\nelse:\n    OLD",
    "the old way where the patch is off": "if not workflow.patched('new'):\n    OLD",
    "a patch and a condition": "if workflow.patched('new') and self:\n    await workflow.sleep(1)\nOLD",
    "a patch in a variable": "is_new = workflow.patched('new')\nif is_new:\n    await workflow.sleep(1)\nOLD",
    "nothing that matters": "print('hello')\nOLD",
}
PLACES = list(command_statements())


def test_the_edits_reach_every_command() -> None:
    steps = [step for fingerprint in FINGERPRINTS.values() for step in fingerprint]
    assert len(PLACES) == sum(step.partition(":")[0] in COMMANDS | {"timer"} for step in steps) >= 20


@pytest.mark.parametrize("new", UNGATED.values(), ids=UNGATED.keys())
def test_a_changed_command_is_noticed_wherever_it_is(new: str) -> None:
    unnoticed = [f"{module}:{line}" for module, line in PLACES if not broken(FINGERPRINTS, edited(module, line, new))]
    assert not unnoticed


@pytest.mark.parametrize("new", GATED.values(), ids=GATED.keys())
def test_a_patched_change_is_fine_wherever_it_is(new: str) -> None:
    refused = [f"{module}:{line}" for module, line in PLACES if broken(FINGERPRINTS, edited(module, line, new))]
    assert not refused


def test_a_patch_that_is_known_is_part_of_the_way() -> None:
    """Once recorded, the code behind it is what leads under way have done."""
    module, line = PLACES[0]
    before = read_fingerprints(edited(module, line, GATED["more behind a patch"]))
    assert not broken(before, edited(module, line, GATED["more behind a patch"]))
    assert broken(before, SOURCES)
    assert broken(
        before, edited(module, line, "if workflow.patched('new'):\n    await workflow.sleep(1)\n    OLD\nOLD")
    )


def test_two_calls_that_change_places_are_noticed() -> None:
    source = SOURCES["lead"]
    swapped = source.replace("await self._tell()", "await X()").replace("await self._attempt()", "await self._tell()")
    assert swapped.replace("await X()", "await self._attempt()") != source
    assert broken(FINGERPRINTS, {**SOURCES, "lead": swapped.replace("await X()", "await self._attempt()")})


# And the judge of the check: what it lets pass replays, what it refuses does not.


@pytest.mark.parametrize(
    ("new", "replays"),
    [
        (UNGATED["taken away"], False),
        (UNGATED["another one before it"], False),
        (UNGATED["changed on both sides of a patch"], False),
        (GATED["more behind a patch"], True),
        (GATED["the old way where the patch is off"], True),
    ],
)
async def test_the_check_and_a_replay_agree(new: str, replays: bool) -> None:
    module, name = "prepare_campaign", "campaign_prepared"
    line = next(line for where, line in PLACES if where == module)
    sources = edited(module, line, new)
    changed = ModuleType(f"changed_{abs(hash(new))}")
    sys.modules[changed.__name__] = changed
    exec(compile(sources[module], module, "exec"), changed.__dict__)
    replayer = Replayer(
        workflows=[changed.PrepareCampaignWorkflow],
        data_converter=pydantic_data_converter,
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    result = await replayer.replay_workflow(histories.read(name), raise_on_replay_failure=False)
    assert (result.replay_failure is None) is replays
    assert bool(broken(FINGERPRINTS, sources)) is not replays
