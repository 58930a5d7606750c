"""What each workflow does, in order, read from its source: the commands that end up in histories.

A change of their order or kind makes leads that are under way fail to replay: they are stuck until somebody rolls
back. `python -m tests.workflows.fingerprints` writes the fingerprints anew.
"""

import ast
import json
from pathlib import Path

import workflows

FOLDER = Path(workflows.__file__).parent
FILE = Path(__file__).parent / "fingerprints.json"

COMMANDS = frozenset(
    {
        "execute_activity", "execute_activity_method", "start_activity", "start_activity_method",
        "execute_local_activity", "execute_local_activity_method", "start_local_activity",
        "start_local_activity_method", "execute_child_workflow", "start_child_workflow", "sleep", "wait_condition",
        "upsert_search_attributes", "upsert_memo", "continue_as_new", "patched", "deprecate_patch",
    }
)  # fmt: skip

Fingerprints = dict[str, list[str]]


def read_fingerprints() -> Fingerprints:
    """Commands of every function in the workflows' modules, by `module.function`."""
    found: Fingerprints = {}
    for path in sorted(FOLDER.glob("*.py")):
        for name, body in _functions(ast.parse(path.read_text()), path.stem):
            commands = [command for node in ast.walk(body) if (command := _command(node))]
            if commands:
                found[name] = commands
    return found


def broken(before: Fingerprints, now: Fingerprints) -> list[str]:
    """Functions whose commands changed without a new `workflow.patched` among them."""
    return [
        name
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name) and not _newly_patched(before.get(name, []), now.get(name, []))
    ]


def _newly_patched(before: list[str], now: list[str]) -> bool:
    return any(command.startswith("patched") and command not in before for command in now)


def _functions(tree: ast.AST, prefix: str) -> list[tuple[str, ast.AST]]:
    found: list[tuple[str, ast.AST]] = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            found += _functions(node, f"{prefix}.{node.name}")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.append((f"{prefix}.{node.name}", node))
    return found


def _command(node: ast.AST) -> str:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return ""
    owner, name = node.func.value, node.func.attr
    if name not in COMMANDS or not isinstance(owner, ast.Name) or owner.id != "workflow":
        return ""
    if name == "wait_condition":
        # Only a wait with a time-out is a timer in the history.
        return "timer" if any(keyword.arg == "timeout" for keyword in node.keywords) else ""
    first = node.args[0] if node.args else None
    if isinstance(first, ast.Attribute | ast.Constant) and name != "sleep":
        return f"{name}:{ast.unparse(first)}"
    return name


if __name__ == "__main__":
    FILE.write_text(json.dumps(read_fingerprints(), indent=1, sort_keys=True) + "\n")
