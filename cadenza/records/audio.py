"""Speech rendered before it is needed, by its key (`domain.audio_key`). Rows are written once and never changed."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.character_times import NO_TIMES, CharacterTimes
from cadenza.records.tables import RenderedAudio


@dataclass(frozen=True, slots=True)
class Rendered:
    """Speech, mu-law 8 kHz without header, and when each of its characters is over, where that is known."""

    audio: bytes
    times: CharacterTimes = NO_TIMES


async def get_audio(session: AsyncSession, key: str) -> bytes | None:
    """mu-law, 8 kHz, without header; None if it was not rendered."""
    found = await session.exec(select(RenderedAudio.audio).where(RenderedAudio.key == key))
    return found.first()


async def get_audios(session: AsyncSession, keys: Collection[str]) -> dict[str, Rendered]:
    """All of `keys` that were rendered: what a call needs, in one query."""
    found = await session.exec(
        select(RenderedAudio.key, RenderedAudio.audio, RenderedAudio.characters, RenderedAudio.ends_ms).where(
            col(RenderedAudio.key).in_(set(keys))
        )
    )
    return {key: Rendered(audio, CharacterTimes(letters, tuple(ends))) for key, audio, letters, ends in found.all()}


async def put_audio(
    session: AsyncSession, *, key: str, voice_id: str, text: str, audio: bytes, times: CharacterTimes = NO_TIMES
) -> None:
    """Keep it. The second to come with the same key changes nothing."""
    values = {
        "key": key,
        "voice_id": voice_id,
        "text": text,
        "audio": audio,
        "characters": times.characters,
        "ends_ms": list(times.ends_ms),
    }
    await session.execute(insert(RenderedAudio).values(values).on_conflict_do_nothing())


async def missing(session: AsyncSession, keys: Collection[str]) -> set[str]:
    """Those of `keys` that are still to be rendered."""
    found = await session.exec(select(RenderedAudio.key).where(col(RenderedAudio.key).in_(set(keys))))
    return set(keys) - set(found.all())
