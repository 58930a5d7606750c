"""The log of what really happened in the rehearsal world: the evidence that reports are judged by."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import orjson


@dataclass(frozen=True, slots=True)
class TruthEntry:
    """One thing that happened. `facts` holds plain JSON values only."""

    sequence: int
    at: datetime
    kind: str
    facts: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """The entry as one flat JSON object."""
        return {"sequence": self.sequence, "at": self.at.isoformat(), "kind": self.kind, **self.facts}


@dataclass(slots=True)
class TruthLog:
    """Append-only log in memory and, when `path` is given, as JSON lines in a file."""

    path: Path | None = None
    _entries: list[TruthEntry] = field(default_factory=list)
    _file: TextIO | None = None

    def append(self, kind: str, **facts: Any) -> TruthEntry:
        """Write down that `kind` happened now."""
        entry = TruthEntry(len(self._entries), datetime.now(UTC), kind, facts)
        self._entries.append(entry)
        if self.path is not None:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self.path.open("a", encoding="utf-8", buffering=1)
            self._file.write(orjson.dumps(entry.as_dict(), default=str).decode() + "\n")
        return entry

    def entries(self, kind: str | None = None, since: int = 0, **facts: object) -> Iterator[TruthEntry]:
        """Entries from sequence number `since` on, of this kind and with these facts."""
        for entry in self._entries[since:]:
            if kind is not None and entry.kind != kind:
                continue
            if all(entry.facts.get(name) == value for name, value in facts.items()):
                yield entry

    def clear(self) -> None:
        """Start an empty log; the file, if any, keeps its lines."""
        self._entries.clear()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __len__(self) -> int:
        return len(self._entries)
