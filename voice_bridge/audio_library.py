"""Speech kept in memory while it is used: what was rendered before the call, and sentences that calls said lately.

The same few lines serve every call, and an agent says many a sentence again ("Great.", "Have a great day. Goodbye.").
"""

from collections import OrderedDict
from collections.abc import Iterable, KeysView

import structlog
from sqlalchemy.exc import SQLAlchemyError

from cadenza.domain.audio_key import audio_key
from cadenza.records.audio import Rendered, get_audios
from cadenza.records.database import Database
from voice_bridge.speaking import Voice

log = structlog.get_logger(__name__)

CAPACITY_BYTES = 48_000_000
"""About 1,500 lines of four seconds."""


class AudioLibrary:
    """A small LRU over the table of rendered audio, and one of what was synthesised. One for each process."""

    def __init__(self, database: Database, capacity_bytes: int = CAPACITY_BYTES, *, spoken_bytes: int = 0) -> None:
        self._database = database
        self._rendered = _Shelf(capacity_bytes)
        self._spoken = _Shelf(spoken_bytes)

    def find(self, text: str, voice: Voice) -> Rendered | None:
        """The audio of this very text, if it is in memory."""
        key = audio_key(voice.id, voice.model, text)
        return self._rendered.find(key) or self._spoken.find(key)

    def keep_spoken(self, text: str, voice: Voice, audio: Rendered) -> None:
        """A sentence was synthesised: it may be said again."""
        self._spoken.keep(audio_key(voice.id, voice.model, text), audio)

    def keep_prepared(self, text: str, voice: Voice, audio: Rendered) -> None:
        """A sentence was synthesised that is likely to be said."""
        self._rendered.keep(audio_key(voice.id, voice.model, text), audio)

    async def load(self, texts: Iterable[str], voice: Voice) -> None:
        """Bring these texts into memory. What was not rendered, or cannot be read now, will be synthesised."""
        wanted = {audio_key(voice.id, voice.model, text) for text in texts} - self._rendered.keys()
        if not wanted:
            return
        try:
            async with self._database.transaction() as session:
                found = await get_audios(session, wanted)
        except (SQLAlchemyError, OSError) as error:
            log.warning("rendered_audio_unreadable", error=type(error).__name__)
            return
        for key, rendered in found.items():
            self._rendered.keep(key, rendered)


class _Shelf:
    """So many bytes of audio; what was not used for longest goes first."""

    def __init__(self, capacity_bytes: int) -> None:
        self._capacity = capacity_bytes
        self._kept: OrderedDict[str, Rendered] = OrderedDict()
        self._size = 0

    def keys(self) -> KeysView[str]:
        return self._kept.keys()

    def find(self, key: str) -> Rendered | None:
        rendered = self._kept.get(key)
        if rendered is not None:
            self._kept.move_to_end(key)
        return rendered

    def keep(self, key: str, rendered: Rendered) -> None:
        known = self._kept.pop(key, None)
        self._size += len(rendered.audio) - (len(known.audio) if known is not None else 0)
        self._kept[key] = rendered
        while self._size > self._capacity:
            _, dropped = self._kept.popitem(last=False)
            self._size -= len(dropped.audio)
