"""Speech rendered before the calls: it starts at once, costs nothing again, and is there when the synthesiser is not.

| activity | input | result | start-to-close |
|---|---|---|---|
| `prepare_campaign_audio` | `PrepareCampaignInput` | `PreparedAudio` | 10 min, heartbeat 30 s, 6 attempts |
| `set_campaign_running` | `PrepareCampaignInput` | `CampaignMoved` | 10 s |
| `give_up_preparing` | `PreparationFailed` | `CampaignMoved` | 10 s; when the first failed for good |
| `prepare_lead_audio` | `PrepareLeadAudio` | `PreparedAudio` | 60 s, heartbeat 30 s, 3 attempts |

A failed `prepare_campaign_audio` is an ApplicationError of type `speech_refused` (final: key, quota, voice) or
`speech_unavailable`; its first detail is the code to show. `prepare_lead_audio` may fail without harm: what is not
rendered is synthesised in the call.
"""

import asyncio
from base64 import b64decode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import httpx
from elevenlabs.client import AsyncElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.types.character_alignment_response_model import CharacterAlignmentResponseModel
from pydantic import BaseModel, ConfigDict
from temporalio import activity
from temporalio.exceptions import ApplicationError

from cadenza.domain.audio_key import audio_key
from cadenza.domain.character_times import CharacterTimes, character_times, joined
from cadenza.domain.messages import PrepareCampaignInput
from cadenza.domain.policy import CampaignPolicy
from cadenza.domain.script import Script
from cadenza.domain.spoken import speakable
from cadenza.domain.standard_lines import texts_to_render
from cadenza.records import campaigns
from cadenza.records.audio import Rendered, missing, put_audio
from cadenza.records.database import Database
from cadenza.records.tables import Campaign, Lead
from cadenza.settings import Settings

REQUEST_SECONDS = 30
_BYTES_A_MS = 8
SPEECH_REFUSED = "speech_refused"
SPEECH_UNAVAILABLE = "speech_unavailable"
_FINAL_STATUSES = frozenset({400, 401, 402, 403, 404, 422})


class PrepareLeadAudio(BaseModel):
    model_config = ConfigDict(frozen=True)
    lead_id: str


class PreparedAudio(BaseModel):
    """How many texts were rendered, how many had been before, and the characters paid for."""

    model_config = ConfigDict(frozen=True)
    rendered: int
    already_there: int
    characters: int


class PreparationFailed(BaseModel):
    """Why a campaign could not be prepared: a code of the synthesiser's, shown to people."""

    model_config = ConfigDict(frozen=True)
    campaign_id: str
    code: str


class CampaignMoved(BaseModel):
    """`moved` is False where somebody paused or cancelled the campaign meanwhile."""

    model_config = ConfigDict(frozen=True)
    moved: bool


@dataclass(frozen=True)
class _Voice:
    voice_id: str
    model: str
    language: str

    def key(self, text: str) -> str:
        return audio_key(self.voice_id, self.model, text)


class AudioActivities:
    """Renders with ElevenLabs into SQL. One for each worker process."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._http = httpx.AsyncClient(timeout=httpx.Timeout(REQUEST_SECONDS, connect=5))
        self._speech = AsyncElevenLabs(
            api_key=settings.elevenlabs_api_key.get_secret_value(),
            base_url=settings.elevenlabs_base_url,
            httpx_client=self._http,
        )
        self._places = asyncio.Semaphore(settings.elevenlabs_renders_at_once)  # for the whole process

    def all(self) -> list[Callable[..., Any]]:
        """What to register with a worker."""
        return [
            self.prepare_campaign_audio,
            self.set_campaign_running,
            self.give_up_preparing,
            self.prepare_lead_audio,
        ]

    async def close(self) -> None:
        await self._http.aclose()

    @activity.defn
    async def prepare_campaign_audio(self, request: PrepareCampaignInput) -> PreparedAudio:
        """Render every text of the campaign that is the same for all leads."""
        async with self._database.transaction() as session:
            campaign = await session.get(Campaign, request.campaign_id)
        if campaign is None:
            raise ApplicationError(f"no campaign {request.campaign_id}", type="unknown_campaign", non_retryable=True)
        script = Script.model_validate(campaign.script)
        return await self._render_missing(self._voice(campaign), fixed_texts(script, self._caller_id(campaign)))

    @activity.defn
    async def prepare_lead_audio(self, request: PrepareLeadAudio) -> PreparedAudio:
        """Render what only this lead will hear: texts with their name, company or custom fields."""
        async with self._database.transaction() as session:
            lead = await session.get(Lead, request.lead_id)
            campaign = await session.get(Campaign, lead.campaign_id) if lead else None
        if lead is None or campaign is None:
            raise ApplicationError(f"no lead {request.lead_id}", type="unknown_lead", non_retryable=True)
        texts = texts_to_render(
            Script.model_validate(campaign.script),
            first_name=lead.first_name,
            company=lead.company,
            caller_id=self._caller_id(campaign),
            custom=lead.custom,
        )
        return await self._render_missing(self._voice(campaign), texts)

    @activity.defn
    async def set_campaign_running(self, request: PrepareCampaignInput) -> CampaignMoved:
        """preparing -> running: leads may be admitted from now on."""
        async with self._database.transaction() as session:
            return CampaignMoved(moved=await campaigns.finish_preparing(session, request.campaign_id))

    @activity.defn
    async def give_up_preparing(self, request: PreparationFailed) -> CampaignMoved:
        """preparing -> draft, with the reason, so that it can be mended and started again."""
        async with self._database.transaction() as session:
            moved = await campaigns.give_up_preparing(
                session, request.campaign_id, f"the audio could not be rendered: {request.code}"
            )
            return CampaignMoved(moved=moved)

    def _voice(self, campaign: Campaign) -> _Voice:
        policy = CampaignPolicy.model_validate(campaign.policy)
        voice_id = policy.voice_id or self._settings.elevenlabs_voice_id
        return _Voice(voice_id, self._settings.elevenlabs_model, policy.language)

    def _caller_id(self, campaign: Campaign) -> str:
        return campaign.caller_id or self._settings.twilio_from_number

    async def _render_missing(self, voice: _Voice, texts: Iterable[str]) -> PreparedAudio:
        wanted = {voice.key(text): text for text in texts if text}
        async with self._database.transaction() as session:
            absent = await missing(session, wanted)
        done = 0

        async def render(key: str) -> None:
            nonlocal done
            async with self._places:
                spoken = await self._speak(voice, wanted[key])
            async with self._database.transaction() as session:
                await put_audio(
                    session,
                    key=key,
                    voice_id=voice.voice_id,
                    text=wanted[key],
                    audio=spoken.audio,
                    times=spoken.times,
                )
            done += 1
            activity.heartbeat({"rendered": done, "of": len(absent)})

        activity.heartbeat({"rendered": 0, "of": len(absent)})
        # One failure does not undo the others: each is kept as it comes, and a retry renders only the rest.
        failures = [error for error in await asyncio.gather(*map(render, absent), return_exceptions=True) if error]
        if failures:
            raise max(failures, key=lambda error: isinstance(error, ApplicationError) and error.non_retryable)
        return PreparedAudio(
            rendered=done,
            already_there=len(wanted) - done,
            characters=sum(len(wanted[key]) for key in absent),
        )

    async def _speak(self, voice: _Voice, text: str) -> Rendered:
        """One text as mu-law. Errors hold codes only: the text may name a lead."""
        try:
            stream = self._speech.text_to_speech.stream_with_timestamps(
                voice.voice_id,
                text=speakable(text, voice.language),
                model_id=voice.model,
                output_format="ulaw_8000",
                request_options={"max_retries": 0, "timeout_in_seconds": REQUEST_SECONDS},
            )
            audio, pieces = bytearray(), []
            async for chunk in stream:
                if chunk.alignment is not None:
                    pieces.append(_times(chunk.alignment, len(audio) // _BYTES_A_MS))
                audio += b64decode(chunk.audio_base_64)
        except ApiError as error:
            code = _code(error)
            refused = error.status_code in _FINAL_STATUSES
            kind = SPEECH_REFUSED if refused else SPEECH_UNAVAILABLE
            raise ApplicationError(f"{kind}: {code}", code, type=kind, non_retryable=refused) from None
        except httpx.HTTPError as error:
            code = type(error).__name__
            raise ApplicationError(f"{SPEECH_UNAVAILABLE}: {code}", code, type=SPEECH_UNAVAILABLE) from None
        if not audio:
            raise ApplicationError("no audio came", "no_audio", type=SPEECH_UNAVAILABLE)
        return Rendered(bytes(audio), joined(pieces))


def fixed_texts(script: Script, caller_id: str) -> list[str]:
    """The script's texts that are the same for every lead: those that two different leads have in common."""
    one, other = (
        texts_to_render(
            script, first_name=word, company=word, caller_id=caller_id, custom=dict.fromkeys(script.custom_fields, word)
        )
        for word in ("Alpha", "Beta")
    )
    shared = set(other)
    return [text for text in one if text in shared]


def _times(alignment: CharacterAlignmentResponseModel, sent_ms: int) -> CharacterTimes:
    return character_times(
        alignment.characters,
        alignment.character_start_times_seconds,
        alignment.character_end_times_seconds,
        sent_ms,
    )


def _code(error: ApiError) -> str:
    """ElevenLabs' own word (`quota_exceeded`, `voice_not_found`), or the HTTP status."""
    detail = error.body.get("detail") if isinstance(error.body, dict) else None
    status = detail.get("status") if isinstance(detail, dict) else None
    return str(status or f"http_{error.status_code}")
