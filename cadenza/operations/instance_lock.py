"""One running system for each data folder: the embedded servers' files would not survive two."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class AlreadyRunning(RuntimeError):
    """Another `cadenza up` or `demo` holds the data folder."""

    def __init__(self, data_dir: Path, pid: str) -> None:
        who = f" (pid {pid})" if pid else ""
        super().__init__(
            f"Cadenza{who} is running with the data folder {data_dir} already: "
            "stop it first, or set DATA_DIR to another folder"
        )


@contextmanager
def only_instance(data_dir: Path) -> Iterator[None]:
    """Hold the data folder. The system frees it whenever this process ends, however it ends.

    Raises AlreadyRunning, naming the holder's pid.
    """
    path = _lock_file(data_dir)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise AlreadyRunning(data_dir, file.read().strip()) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def running_instance(data_dir: Path) -> int | None:
    """The pid of the system that holds the data folder, None if there is none or it is just starting."""
    try:
        with _lock_file(data_dir).open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read())
    except (FileNotFoundError, ValueError):
        pass
    return None


def _lock_file(data_dir: Path) -> Path:
    return data_dir / "run" / "up.lock"
