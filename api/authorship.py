"""Who changes something, and why: for the audit log."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header

from api.authentication import KeyId


@dataclass(frozen=True, slots=True)
class Authorship:
    """`who` is the key, `why` what the caller gave as the reason."""

    who: str
    why: str


async def _author(
    key_id: KeyId,
    reason: Annotated[
        str | None, Header(alias="X-Reason", max_length=200, description="Why: kept in the audit log")
    ] = None,
) -> Authorship:
    return Authorship(f"key:{key_id}", reason or "")


Author = Annotated[Authorship, Depends(_author)]
