"""Speech rendered before it is needed, by its key (`domain.audio_key`). Rows are written once and never changed."""

from collections.abc import Collection

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.records.tables import RenderedAudio


async def get_audio(session: AsyncSession, key: str) -> bytes | None:
    """mu-law, 8 kHz, without header; None if it was not rendered."""
    found = await session.exec(select(RenderedAudio.audio).where(RenderedAudio.key == key))
    return found.first()


async def get_audios(session: AsyncSession, keys: Collection[str]) -> dict[str, bytes]:
    """All of `keys` that were rendered: what a call needs, in one query."""
    found = await session.exec(
        select(RenderedAudio.key, RenderedAudio.audio).where(col(RenderedAudio.key).in_(set(keys)))
    )
    return dict(found.all())


async def put_audio(session: AsyncSession, *, key: str, voice_id: str, text: str, audio: bytes) -> None:
    """Keep it. The second to come with the same key changes nothing."""
    await session.execute(
        insert(RenderedAudio).values(key=key, voice_id=voice_id, text=text, audio=audio).on_conflict_do_nothing()
    )


async def missing(session: AsyncSession, keys: Collection[str]) -> set[str]:
    """Those of `keys` that are still to be rendered."""
    found = await session.exec(select(RenderedAudio.key).where(col(RenderedAudio.key).in_(set(keys))))
    return set(keys) - set(found.all())
