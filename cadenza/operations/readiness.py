"""Readiness files: how a process tells its supervisor that it serves.

`<data_dir>/run/<name>.ready` holds the pid of the process that is ready. A file left behind by a killed process names
a pid that is not the asked one, so a reader who knows the pid is never fooled by it.
"""

import os
from pathlib import Path

SUPERVISED = {"CADENZA_SUPERVISED": "yes"}
"""In the environment of a process that `cadenza up` started."""


def is_supervised() -> bool:
    """Whether `cadenza up` started this process, and so every other process of its kind too."""
    return SUPERVISED.items() <= os.environ.items()


def readiness_file(name: str, data_dir: Path) -> Path:
    """The file of the process called `name` ("api", "worker", "bridge", "rehearsal")."""
    return data_dir / "run" / f"{name}.ready"


def mark_ready(name: str, data_dir: Path) -> None:
    """Say that this process serves now. Written whole or not at all, so a reader never sees half a pid."""
    path = readiness_file(name, data_dir)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(f"{os.getpid()}\n")
    draft.replace(path)


def clear_ready(name: str, data_dir: Path) -> None:
    """Say that this process serves no longer. A file that another process wrote since is left alone."""
    if ready_pid(name, data_dir) in {None, os.getpid()}:
        readiness_file(name, data_dir).unlink(missing_ok=True)


def ready_pid(name: str, data_dir: Path) -> int | None:
    """The pid written in the readiness file, or None if there is none."""
    try:
        return int(readiness_file(name, data_dir).read_text())
    except (FileNotFoundError, ValueError):
        return None


def is_ready(name: str, data_dir: Path, pid: int | None = None) -> bool:
    """Whether `name` is ready; with `pid`, whether that very process is."""
    found = ready_pid(name, data_dir)
    return found is not None and (pid is None or found == pid)
