"""One log file for each supervised process: a new one at each start of the system, never larger than its limit."""

import shutil
from pathlib import Path


class ProcessLog:
    """`<folder>/<name>.log`, and the one before it as `<name>.log.1`.

    The process writes into the file itself, in append mode, so its log goes on if the supervisor is busy or dead, and
    cutting the file short under it is safe.
    """

    def __init__(self, folder: Path, name: str, limit_bytes: int = 20_000_000) -> None:
        self.path = folder / f"{name}.log"
        self.limit_bytes = limit_bytes
        folder.mkdir(parents=True, exist_ok=True)
        if self.path.exists():
            self.path.replace(self._previous)
        self.path.touch()

    @property
    def _previous(self) -> Path:
        return self.path.with_name(f"{self.path.name}.1")

    def keep_within_limit(self) -> None:
        """Move a log that grew too large aside. Lines written during the copy may be lost; the disk is not."""
        if self.path.stat().st_size > self.limit_bytes:
            shutil.copyfile(self.path, self._previous)
            with self.path.open("r+b") as file:
                file.truncate(0)

    def tail(self, lines: int = 15) -> str:
        """The last lines, for a message to the user."""
        with self.path.open("rb") as file:
            file.seek(max(0, self.path.stat().st_size - 16_384))
            text = file.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-lines:])
