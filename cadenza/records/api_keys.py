"""API keys: 256 random bits, of which only the SHA-256 is kept. A slow hash would protect nothing here: there is no
password to guess."""

import hashlib
import secrets

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.identifiers import new_id
from cadenza.records.tables import ApiKey

PREFIX = "cdz_"
_LOCK = 7_405_118_302  # advisory lock: one process makes the first key


def key_hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def new_secret() -> str:
    return PREFIX + secrets.token_urlsafe(32)


async def add_key(session: AsyncSession, name: str, secret: str) -> ApiKey:
    """Store a key under its hash. The secret itself is shown once by the caller and kept nowhere."""
    key = ApiKey(id=new_id("ak"), name=name, prefix=secret[:10], key_hash=key_hash(secret))
    session.add(key)
    await session.flush()
    await session.refresh(key)
    return key


async def find_key(session: AsyncSession, secret: str) -> ApiKey | None:
    """The valid key with this secret; notes its use, at most once a minute."""
    query = select(ApiKey).where(ApiKey.key_hash == key_hash(secret), col(ApiKey.revoked_at).is_(None))
    key = (await session.exec(query)).first()
    if key is not None:
        await session.execute(
            text(
                "update api_key set last_used_at = now() where id = :id "
                "and (last_used_at is null or last_used_at < now() - interval '1 minute')"
            ),
            {"id": key.id},
        )
    return key


async def list_keys(session: AsyncSession) -> list[ApiKey]:
    """Valid and revoked, oldest first."""
    return list(await session.exec(select(ApiKey).order_by(col(ApiKey.id))))


async def get_key(session: AsyncSession, key_id: str) -> ApiKey | None:
    return await session.get(ApiKey, key_id)


async def lock_keys(session: AsyncSession) -> None:
    """One change to the set of keys at a time, until the transaction ends."""
    await session.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})


async def count_valid_keys(session: AsyncSession) -> int:
    count: int = (await session.execute(text("select count(*) from api_key where revoked_at is null"))).scalar_one()
    return count


async def revoke_key(session: AsyncSession, key_id: str) -> None:
    await session.execute(
        text("update api_key set revoked_at = coalesce(revoked_at, now()) where id = :id"), {"id": key_id}
    )
