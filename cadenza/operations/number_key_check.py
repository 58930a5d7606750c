"""The doctor's look at the key under which the audit log hashes numbers: is it safe from a change of another secret,
and is it the one that the log was written under?"""

import asyncio

from cadenza.operations.findings import Finding, Verdict
from cadenza.operations.records_reader import read_records
from cadenza.records.number_hash import number_key_check
from cadenza.records.number_key import NEWEST_CHECK
from cadenza.settings import Settings

SUBJECT = "Audit key"
_CHANGED = (
    "set AUDIT_HASH_KEY to the secret that was used before (AUDIT_HASH_KEY, or SIGNING_SECRET if that was unset) and "
    "restart; if nobody has it any more, entries from before are found by lead, campaign and call only"
)
_UNSET = (
    "before you ever change SIGNING_SECRET, set AUDIT_HASH_KEY to its present value and never change that: the log's "
    "entries stay findable by number"
)


async def number_key(settings: Settings) -> Finding:
    """WRONG if the log was last written under another key; DOUBTFUL if it was begun under another, and where a new
    SIGNING_SECRET would change the key."""
    noted = [row[0] for row in await asyncio.to_thread(read_records, settings, NEWEST_CHECK)]
    mine = number_key_check(settings)
    if noted and noted[0] != mine:
        words = "the audit log's numbers were hashed under another key until now: they would not be found any more"
        return Finding(SUBJECT, Verdict.WRONG, words, _CHANGED)
    if noted and noted[-1] != mine:
        words = "the audit log's first numbers are hashed under another key, and are not found by this one"
        return Finding(SUBJECT, Verdict.DOUBTFUL, words, _CHANGED)
    if settings.audit_hash_key is None:
        words = "AUDIT_HASH_KEY is not set: numbers in the audit log are hashed under SIGNING_SECRET"
        return Finding(SUBJECT, Verdict.DOUBTFUL, words, _UNSET)
    return Finding(SUBJECT, Verdict.GOOD, "set, and the one that the audit log was begun under" if noted else "set")
