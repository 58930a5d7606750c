"""Which lines of the workflows no kept history runs through: `python -m tests.workflows.replayed_lines`.

A process of its own, since it traces, and pytest's coverage does so too. Prints JSON: module -> [[line, source], ...].
"""

import asyncio
import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import workflows
from tests.workflows import histories
from tests.workflows.replay import replay

FOLDER = Path(workflows.__file__).parent
MODULES = (
    "lead", "attempt", "booking", "afterwards", "dialer", "prepare_campaign", "recording", "housekeeping",
)  # fmt: skip

NEVER_REPLAYED = {"status", "_may_offer", "_may_book", "_check_current"}
"""Functions that write nothing to a history: the query, and the validators of updates."""


def missed() -> dict[str, list[tuple[int, str]]]:
    ran: set[tuple[str, int]] = set()
    files = {str(FOLDER / f"{module}.py") for module in MODULES}

    def trace_lines(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            ran.add((frame.f_code.co_filename, frame.f_lineno))
        return trace_lines

    def trace(frame: FrameType, _event: str, _: Any) -> Any:
        return trace_lines if frame.f_code.co_filename in files else None

    threading.settrace(trace)  # workflows run in threads of the replayer, which are made from here on
    failures = asyncio.run(replay(histories.names()))
    if failures:
        raise SystemExit(f"does not replay: {', '.join(sorted(failures))}")
    return {
        Path(file).stem: [(line, source) for line, source in _lines(Path(file)) if (file, line) not in ran]
        for file in sorted(files)
    }


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Every line inside a function that can run; `pass`-like ones and signatures are not lines of code."""
    text = path.read_text()
    source = text.splitlines()
    for code in _functions(compile(text, str(path), "exec")):
        if code.co_name in NEVER_REPLAYED:
            continue
        for line in sorted({line for _, _, line in code.co_lines() if line is not None and line > code.co_firstlineno}):
            yield line, source[line - 1].strip()


def _functions(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_flags & 0x2:  # CO_NEWLOCALS: a function, not the body of a class
                yield constant
            yield from _functions(constant)


if __name__ == "__main__":
    print(json.dumps(missed()))
    sys.stdout.flush()
    os._exit(0)  # temporalio may crash a short-lived interpreter at its exit (sdk-python#300)
