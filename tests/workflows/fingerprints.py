"""What each workflow does, in order, read from its source: the commands that end up in histories, and the branches,
loops and returns around them (not their conditions: those only a replay can judge).

A change of their order or kind makes leads that are under way fail to replay: they are stuck until somebody rolls
back. With `workflow.patched("...")` they go the old way: such a change is fine as long as the old way is as it was.
`python -m tests.workflows.fingerprints` writes the fingerprints anew.
"""

import ast
import json
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path

import workflows

FOLDER = Path(workflows.__file__).parent
FILE = Path(__file__).parent / "fingerprints.json"

COMMANDS = frozenset(
    {
        "execute_activity", "execute_activity_method", "start_activity", "start_activity_method",
        "execute_local_activity", "execute_local_activity_method", "start_local_activity",
        "start_local_activity_method", "execute_child_workflow", "start_child_workflow", "sleep", "wait_condition",
        "upsert_search_attributes", "upsert_memo", "continue_as_new", "deprecate_patch",
    }
)  # fmt: skip

Sources = Mapping[str, str]
"""Module -> its source."""
Fingerprints = dict[str, list[str]]
"""`module.class.function` -> its commands, patches, calls of functions that have some, in the order of the source."""

_FLOW = {ast.Return: "return", ast.Raise: "raise", ast.Break: "break", ast.Continue: "continue"}
_BLOCKS = {
    ast.If: "if", ast.While: "while", ast.For: "for", ast.AsyncFor: "for", ast.Try: "try", ast.ExceptHandler: "except",
    ast.Match: "match", ast.match_case: "case",
}  # fmt: skip


def read_sources() -> dict[str, str]:
    sources = {path.stem: path.read_text() for path in sorted(FOLDER.glob("*.py"))}
    return {module: source for module, source in sources.items() if "from temporalio import workflow\n" in source}


def read_fingerprints(sources: Sources, without: Collection[str] = frozenset()) -> Fingerprints:
    """The way that the code goes, or that it goes in a run which began before the patches of `without`."""
    functions = dict(found for module, source in sources.items() for found in _parsed(module, source))
    acting = _acting(functions)
    found = {name: _steps(function, acting, frozenset(without)) for name, function in functions.items()}
    return {name: list(steps) for name, steps in found.items() if any(map(_is_act, steps))}


def broken(before: Fingerprints, sources: Sources) -> list[str]:
    """Functions that would go another way in a run which began with the fingerprints of before."""
    now = read_fingerprints(sources)
    known = _patches(before)
    old_way = read_fingerprints(sources, without=_patches(now) - known)
    return [name for name in sorted(before.keys() | old_way.keys()) if before.get(name) != old_way.get(name)]


def _is_act(step: str) -> bool:
    """Not merely the shape of the code around."""
    return step not in {*_FLOW.values(), ")"} and not step.endswith("(")


def _patches(fingerprints: Fingerprints) -> set[str]:
    return {step for steps in fingerprints.values() for step in steps if step.startswith("patched:")}


@cache
def _parsed(module: str, source: str) -> list[tuple[str, ast.AST]]:
    return list(_functions(ast.parse(source), module))


def _functions(tree: ast.AST, prefix: str) -> Iterator[tuple[str, ast.AST]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{prefix}.{node.name}")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{prefix}.{node.name}", node


def _acting(functions: Mapping[str, ast.AST]) -> frozenset[str]:
    """Bare names of functions that give commands, themselves or through others."""
    acting: frozenset[str] = frozenset()
    while True:
        more = {
            name.rpartition(".")[2]
            for name, function in functions.items()
            if _gives_commands(function) or _called(function) & acting
        }
        if more <= acting:
            return acting
        acting |= more


@cache
def _steps(function: ast.AST, acting: frozenset[str], without: frozenset[str]) -> tuple[str, ...]:
    return tuple(_Path(acting, without).through(function))


def _gives_commands(function: ast.AST) -> bool:
    return any(map(_is_act, _steps(function, frozenset(), frozenset())))


@cache
def _called(function: ast.AST) -> frozenset[str]:
    return frozenset(_name(node.func) for node in ast.walk(function) if isinstance(node, ast.Call))


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


class _Path:
    """The steps of one function in the order of its source. Of a branch on a patch that is off, the other side only."""

    def __init__(self, acting: Collection[str], without: Collection[str]) -> None:
        self._acting = acting
        self._without = without
        self._off: set[str] = set()  # variables that hold such a patch

    def through(self, node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.If | ast.IfExp) and (taken := self._decided(node.test)) is not None:
            side = node.body if taken else node.orelse
            for statement in side if isinstance(side, list) else [side]:
                yield from self.through(statement)
            return
        if isinstance(node, ast.Assign) and self._decided(node.value) is False:
            self._off |= {target.id for target in node.targets if isinstance(target, ast.Name)}
            return
        if (block := _BLOCKS.get(type(node))) is not None:
            yield from self._block(block, node)
            return
        for child in ast.iter_child_nodes(node):
            yield from self.through(child)
        if step := self._step(node):
            yield step

    def _block(self, name: str, node: ast.AST) -> Iterator[str]:
        """What decides (a condition, what is looped over), then each side that does something, in brackets."""
        for field, value in ast.iter_fields(node):
            if isinstance(value, ast.AST):
                yield from self.through(value)
            elif isinstance(value, list):
                steps = [step for one in value if isinstance(one, ast.AST) for step in self.through(one)]
                if steps:
                    yield from (f"{name if field in {'body', 'cases'} else field}(", *steps, ")")

    def _decided(self, test: ast.expr) -> bool | None:
        """The value of a condition where patches that are off decide it."""
        match test:
            case ast.Call() if self._patch(test) in self._without:
                return False
            case ast.Name(id=name) if name in self._off:
                return False
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                value = self._decided(operand)
                return None if value is None else not value
            case ast.BoolOp(op=ast.And(), values=values) if any(self._decided(value) is False for value in values):
                return False
        return None

    def _step(self, node: ast.AST) -> str:
        if flow := _FLOW.get(type(node)):
            return flow
        if not isinstance(node, ast.Call):
            return ""
        if patch := self._patch(node):
            return patch
        name = _name(node.func)
        if isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "workflow":
            return _command(name, node)
        return f"call:{name}" if name in self._acting else ""

    def _patch(self, node: ast.Call) -> str:
        is_patch = isinstance(node.func, ast.Attribute) and ast.unparse(node.func) == "workflow.patched"
        return f"patched:{ast.unparse(node.args[0])}" if is_patch else ""


def _command(name: str, call: ast.Call) -> str:
    if name not in COMMANDS:
        return ""
    if name == "wait_condition":
        # Only a wait with a time-out is a timer in the history.
        return "timer" if any(keyword.arg == "timeout" for keyword in call.keywords) else ""
    first = call.args[0] if call.args else None
    if isinstance(first, ast.Attribute | ast.Constant) and name != "sleep":
        return f"{name}:{ast.unparse(first)}"
    return name


if __name__ == "__main__":
    FILE.write_text(json.dumps(read_fingerprints(read_sources()), indent=1, sort_keys=True) + "\n")
