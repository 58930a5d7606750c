"""The rehearsal world's log, read on where it was left."""

import json
from pathlib import Path
from typing import Any


class TruthFile:
    """`read` gives what was added since the last time, whole entries only."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0

    def read(self) -> list[dict[str, Any]]:
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._read)
            whole, _, _ = file.read().rpartition(b"\n")
        self._read += len(whole) + bool(whole)
        return [json.loads(line) for line in whole.splitlines() if line]
