"""What all calls of a bridge process share: one client of each vendor, one pool, one library of audio."""

from dataclasses import dataclass

from cadenza.calling_rules import rules_for
from cadenza.records.database import Database
from cadenza.records.rules_in_force import Rules, RulesInForce
from cadenza.settings import Settings
from cadenza.temporal.lead_client import LeadClient
from voice_bridge.audio_library import AudioLibrary
from voice_bridge.journal_writer import JournalWriter
from voice_bridge.listening import RecogniserFactory
from voice_bridge.listening.assemblyai import AssemblyAIListening, AssemblyAIOptions
from voice_bridge.speaking import Synthesiser
from voice_bridge.speaking.elevenlabs import ElevenLabsOptions, ElevenLabsSynthesiser
from voice_bridge.thinking import Thinker
from voice_bridge.thinking.openai import OpenAIOptions, OpenAIThinker


@dataclass(frozen=True, slots=True)
class Services:
    """Built once, closed once."""

    bridge_id: str
    settings: Settings
    database: Database
    journals: JournalWriter
    rules: Rules
    leads: LeadClient
    library: AudioLibrary
    listen: RecogniserFactory
    thinker: Thinker
    synthesiser: Synthesiser

    async def close(self) -> None:
        await self.listen.close()
        await self.thinker.close()
        await self.synthesiser.close()
        await self.database.close()


def build_services(settings: Settings, bridge_id: str, database: Database, leads: LeadClient) -> Services:
    """The services that the settings ask for. Raises RulesRefused."""
    return Services(
        bridge_id=bridge_id,
        settings=settings,
        database=database,
        journals=JournalWriter(database),
        rules=RulesInForce(rules_for(settings)),
        leads=leads,
        library=AudioLibrary(database, spoken_bytes=settings.bridge_spoken_cache_mb * 1_000_000),
        listen=AssemblyAIListening(
            AssemblyAIOptions(
                api_key=settings.assemblyai_api_key.get_secret_value(),
                url=settings.assemblyai_streaming_url,
                speech_model=settings.assemblyai_speech_model,
            )
        ),
        thinker=OpenAIThinker(
            OpenAIOptions(
                api_key=settings.openai_api_key.get_secret_value(),
                base_url=settings.openai_base_url,
                model=settings.openai_model,
                timeout_seconds=settings.openai_timeout_seconds,
            )
        ),
        synthesiser=ElevenLabsSynthesiser(
            ElevenLabsOptions(
                api_key=settings.elevenlabs_api_key.get_secret_value(),
                base_url=settings.elevenlabs_base_url,
                max_connections=2 * settings.bridge_max_calls,
            )
        ),
    )
