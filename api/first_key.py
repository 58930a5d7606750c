"""The first API key: made when there is none, so that a fresh system can be used at all."""

import os
from pathlib import Path

from cadenza.records.api_keys import add_key, count_valid_keys, lock_keys, new_secret
from cadenza.records.audit import note_change
from cadenza.records.database import Database

FILE_NAME = "api_key"


async def ensure_first_key(database: Database, data_dir: Path) -> bool:
    """Make a key and write it to `<data_dir>/api_key` (mode 0600) if no valid key exists. True if one was made.

    The file is written before the transaction ends: a key that nobody can read is never left behind.
    """
    async with database.transaction() as session:
        await lock_keys(session)
        if await count_valid_keys(session):
            return False
        secret = new_secret()
        key = await add_key(session, "first key", secret)
        await note_change(session, "key.made", who="system", why="first start", key=key.id)
        _write_privately(data_dir / FILE_NAME, secret)
    return True


def _write_privately(path: Path, secret: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret + "\n")
    draft.replace(path)
