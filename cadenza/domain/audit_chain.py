"""The audit log's hash chain. Pure: the same code seals, verifies in the database, and verifies an exported file.

An entry's hash is the SHA-256 of its canonical JSON (keys sorted, no blanks, UTF-8) with its position and the hash of
the position before. So a changed, missing, added or moved entry breaks the chain at its place. Entries cut off at the
end leave no trace in what is left: for that a head (position and hash) must have been noted outside.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

GENESIS = "0" * 64
"""What stands before the first position."""


class LoggedEntry(BaseModel):
    """An entry as it is hashed, exported and read back."""

    model_config = ConfigDict(frozen=True, from_attributes=True, extra="forbid")

    id: int
    at: AwareDatetime
    kind: str
    who: str
    why: str = ""
    campaign_id: str | None = None
    lead_id: str | None = None
    attempt_id: str | None = None
    number_hash: str | None = None
    details: Mapping[str, Any] = {}


class SealedEntry(LoggedEntry):
    """An entry at its place in the chain."""

    position: int
    hash: str


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain. Note it elsewhere, and a later verification finds a log that was cut."""

    position: int = 0
    hash: str = GENESIS

    def __str__(self) -> str:
        return f"{self.position}:{self.hash}"


@dataclass(frozen=True, slots=True)
class BrokenChain:
    """Where the log first differs from what was written."""

    position: int
    entry_id: int | None
    reason: str


def parse_head(text: str) -> Head:
    """`POSITION:HASH` as `Head` writes it. Raises ValueError."""
    position, separator, digest = text.strip().partition(":")
    if not (separator and position.isascii() and position.isdigit() and len(digest) == 64):
        raise ValueError("a head is written POSITION:HASH, as `cadenza audit verify` prints it")
    return Head(int(position), digest.lower())


def entry_hash(entry: LoggedEntry, position: int, previous: str) -> str:
    """The hash of `entry` at `position` behind the hash `previous`."""
    content = {
        "position": position,
        "previous": previous,
        "id": entry.id,
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "kind": entry.kind,
        "who": entry.who,
        "why": entry.why,
        "campaign_id": entry.campaign_id,
        "lead_id": entry.lead_id,
        "attempt_id": entry.attempt_id,
        "number_hash": entry.number_hash,
        "details": entry.details,
    }
    written = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_as_written)
    return hashlib.sha256(written.encode()).hexdigest()


def _as_written(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(type(value).__name__)


class ChainCheck:
    """Takes the chain position by position. `broken` is the first place that is not as it was written."""

    def __init__(self, noted: Head | None = None) -> None:
        self.head = Head()
        self.broken: BrokenChain | None = None
        self._noted = noted
        self._noted_seen = noted is None or noted == Head()

    def take(self, position: int, digest: str, entry: LoggedEntry | None, entry_id: int | None = None) -> None:
        """The next position of the log; `entry` is None where the seal's entry is gone."""
        if self.broken is not None:
            return
        expected = self.head.position + 1
        if position != expected:
            self.broken = BrokenChain(expected, None, f"position {expected} is missing")
        elif entry is None:
            self.broken = BrokenChain(position, entry_id, "the entry was deleted")
        elif entry_hash(entry, position, self.head.hash) != digest:
            self.broken = BrokenChain(position, entry.id, "the entry, or its place, was changed")
        else:
            self.head = Head(position, digest)
            self._compare_with_noted()

    def end(self) -> BrokenChain | None:
        """After the last position: the first bad place, or None."""
        if self.broken is None and not self._noted_seen:
            assert self._noted is not None
            self.broken = BrokenChain(
                self.head.position + 1,
                None,
                f"the log ends at position {self.head.position}; it was noted at {self._noted.position}: "
                "its end was cut off",
            )
        return self.broken

    def _compare_with_noted(self) -> None:
        if self._noted is None or self._noted.position != self.head.position:
            return
        self._noted_seen = True
        if self._noted.hash != self.head.hash:
            self.broken = BrokenChain(
                self.head.position, None, "the hash noted for this position is another: the log was written anew"
            )
