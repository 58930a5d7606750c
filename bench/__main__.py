"""Every benchmark but the longest, in turn: `python -m bench`. One of them: `python -m bench gate --help`."""

import sys
from collections.abc import Callable, Sequence

from bench import (
    admission_tick,
    compliance,
    gate,
    gate_check,
    lead_workflows,
    objection_library,
    recovery,
    reply_time,
    simulation,
    uploads,
)
from bench.bridge_kills import command as bridge_kills
from bench.soak import command as soak
from bench.voice_bridge import command as voice_bridge

BENCHMARKS: dict[str, Callable[[Sequence[str]], None]] = {
    "lead_workflows": lead_workflows.main,
    "uploads": uploads.main,
    "compliance": compliance.main,
    "gate": gate.main,
    "gate_check": gate_check.main,
    "recovery": recovery.main,
    "reply_time": reply_time.main,
    "admission_tick": admission_tick.main,
    "simulation": simulation.main,
    "objection_library": objection_library.main,
    "voice_bridge": voice_bridge.main,
    "bridge_kills": bridge_kills.main,
    "soak": soak.main,
}

BY_NAME_ONLY = {"bridge_kills", "soak"}
"""Those that take long, or are to run while the machine does something else."""

name, arguments = (sys.argv[1], sys.argv[2:]) if len(sys.argv) > 1 else ("", [])
if name and name not in BENCHMARKS:
    raise SystemExit(f"There is no benchmark {name}; there are: {', '.join(BENCHMARKS)}")
for title, run in BENCHMARKS.items():
    if title == name or (not name and title not in BY_NAME_ONLY):
        run(arguments)
