"""ElevenLabs over HTTP streaming with its own SDK: `ulaw_8000`, so that nothing is transcoded."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import structlog
from elevenlabs.client import AsyncElevenLabs
from elevenlabs.core.api_error import ApiError

from voice_bridge.speaking import SpeakingFailed, Voice

log = structlog.get_logger(__name__)

CHUNK_BYTES = 800
"""100 ms: the SDK hands out whole chunks only, so the first one waits for so much audio."""
FIRST_AUDIO_SECONDS = 2.0
GAP_SECONDS = 2.5
_BREATH = 0.1
_HOPELESS = frozenset({"credentials", "bad_request", "not_found"})


@dataclass(frozen=True, slots=True)
class ElevenLabsOptions:
    api_key: str
    base_url: str
    max_connections: int = 200


class ElevenLabsSynthesiser:
    """One for each process: its connections are shared by all calls."""

    def __init__(self, options: ElevenLabsOptions) -> None:
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(10.0, connect=3.0),
            limits=httpx.Limits(max_connections=options.max_connections, max_keepalive_connections=50),
        )
        self._client = AsyncElevenLabs(api_key=options.api_key, base_url=options.base_url, httpx_client=self._http)

    async def stream(self, text: str, voice: Voice) -> AsyncIterator[bytes]:
        """Audio as it is made; one quick second try while none has come."""
        for attempt in range(2):
            has_audio = False
            try:
                async for chunk in self._once(text, voice):
                    has_audio = True
                    yield chunk
                return
            except SpeakingFailed as failure:
                log.warning("synthesis_failed", reason=failure.reason, attempt=attempt, has_audio=has_audio)
                if has_audio or attempt or failure.reason in _HOPELESS:
                    raise
                await asyncio.sleep(_BREATH)

    async def close(self) -> None:
        await self._http.aclose()

    async def _once(self, text: str, voice: Voice) -> AsyncIterator[bytes]:
        has_audio = False
        try:
            stream = self._client.text_to_speech.stream(
                voice.id,
                text=text,
                model_id=voice.model,
                language_code=voice.language,
                output_format="ulaw_8000",
                request_options={"timeout_in_seconds": 10, "max_retries": 0, "chunk_size": CHUNK_BYTES},
            )
            async with contextlib.aclosing(stream):
                while (chunk := await _next(stream, GAP_SECONDS if has_audio else FIRST_AUDIO_SECONDS)) is not None:
                    if chunk:
                        has_audio = True
                        yield chunk
        except TimeoutError:
            raise SpeakingFailed("timeout") from None
        except ApiError as error:
            raise SpeakingFailed(_reason(error.status_code)) from None
        except httpx.HTTPError:
            raise SpeakingFailed("connection") from None
        if not has_audio:
            raise SpeakingFailed("empty")


async def _next(stream: AsyncIterator[bytes], patience: float) -> bytes | None:
    """The next piece, None at the end. The time-out must not span a `yield`: it would strike the consumer."""
    async with asyncio.timeout(patience):
        return await anext(stream, None)


def _reason(status: int | None) -> str:
    match status:
        case 401 | 403:
            return "credentials"
        case 404:
            return "not_found"
        case 429:
            return "rate_limit"
        case 400 | 422:
            return "bad_request"
    return "server_error"
