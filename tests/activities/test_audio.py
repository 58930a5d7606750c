"""Rendering ahead, with the real ElevenLabs SDK against the emulated service. Pins: what is rendered is what the bridge
will ask for by its key, nothing is paid for twice, and a campaign that cannot be prepared says why."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.audio import AudioActivities, PreparationFailed, PreparedAudio, PrepareLeadAudio, fixed_texts
from cadenza.domain.audio_key import audio_key
from cadenza.domain.messages import PrepareCampaignInput
from cadenza.domain.outcomes import CampaignState
from cadenza.domain.script import Script
from cadenza.domain.spoken import speakable
from cadenza.domain.standard_lines import texts_to_render
from cadenza.records.audio import get_audio, get_audios, missing, put_audio
from rehearsal.elevenlabs.server import build
from rehearsal.speech import Ear
from rehearsal.world import World, create_world
from tests.activities.house import SCRIPT, House, rehearsal_settings

pytestmark = [pytest.mark.servers, pytest.mark.computes(25)]


class Studio:
    def __init__(self, house: House, world: World, activities: AudioActivities) -> None:
        self.house, self.world, self.activities = house, world, activities
        self.heartbeats: list[Any] = []
        self.settings = world.settings

    async def prepare(self, campaign_id: str) -> PreparedAudio:
        environment = ActivityEnvironment()
        environment.on_heartbeat = lambda *details: self.heartbeats.append(details)
        wish = PrepareCampaignInput(campaign_id=campaign_id)
        return await environment.run(self.activities.prepare_campaign_audio, wish)

    async def prepare_lead(self, lead_id: str) -> PreparedAudio:
        wish = PrepareLeadAudio(lead_id=lead_id)
        return await ActivityEnvironment().run(self.activities.prepare_lead_audio, wish)

    def fault(self, effect: str, **more: Any) -> None:
        self.world.faults.order({"vendor": "elevenlabs", "operation": "stream", "effect": effect, **more})

    def key(self, text: str) -> str:
        return audio_key(self.settings.elevenlabs_voice_id, self.settings.elevenlabs_model, text)

    async def state(self, campaign_id: str) -> tuple[str, str]:
        (row,) = await self.house.run("select state, state_reason from campaign where id = :id", id=campaign_id)
        return row.state, row.state_reason


@pytest_asyncio.fixture
async def studio(house: House, tmp_path: Path) -> AsyncIterator[Studio]:
    world = create_world(rehearsal_settings(tmp_path), write_truth=False)
    emulator = build(world)
    world.behaviours["elevenlabs"].speed = 100.0
    await emulator.start("127.0.0.1", 0)
    settings = rehearsal_settings(tmp_path, elevenlabs_base_url=f"http://127.0.0.1:{emulator.port}")
    activities = AudioActivities(settings, house.database)
    yield Studio(house, world, activities)
    await activities.close()
    await emulator.stop()


def test_only_texts_without_a_leads_name_are_the_campaigns() -> None:
    script = Script.model_validate(SCRIPT)
    texts = fixed_texts(script, "+12025550199")
    assert script.farewell in texts
    assert "The tour costs nothing." in texts
    assert any("2 0 2, 5 5 5, 0 1 9 9" in text for text in texts), "the voicemail, with the number to ring back"
    assert not any("have you a minute" in text for text in texts), "the opening holds the first name"


async def test_a_campaign_is_rendered_once_and_can_be_heard(studio: Studio) -> None:
    campaign = await studio.house.campaign()
    first = await studio.prepare(campaign)
    assert first.rendered > 10 and first.already_there == 0 and first.characters > 100
    async with studio.house.database.transaction() as session:
        audio = await get_audio(session, studio.key("The tour costs nothing."))
    assert audio is not None
    assert [word.text for word in Ear().feed(audio)] == ["The", "tour", "costs", "nothing."]
    assert studio.heartbeats[-1][0]["rendered"] == first.rendered
    assert await studio.prepare(campaign) == PreparedAudio(rendered=0, already_there=first.rendered, characters=0)


@pytest.mark.no_cover  # other tests cover its lines
async def test_with_the_leads_audio_every_text_of_the_call_is_there(studio: Studio) -> None:
    campaign = await studio.house.campaign()
    lead = await studio.house.lead(campaign, first_name="Maya", company="Initech")
    await studio.prepare(campaign)
    prepared = await studio.prepare_lead(lead)
    assert 1 <= prepared.rendered <= 3
    texts = texts_to_render(
        Script.model_validate(SCRIPT), first_name="Maya", company="Initech", caller_id="+12025550199"
    )
    async with studio.house.database.transaction() as session:
        assert await missing(session, {studio.key(text) for text in texts}) == set()
        found = await get_audios(session, [studio.key(text) for text in texts])
    assert len(found) == len(list(texts))
    for text in texts:
        spoken = found[studio.key(text)]
        assert spoken.times.characters == speakable(text)
        assert 0 < spoken.times.ends_ms[-1] <= len(spoken.audio) // 8
        assert list(spoken.times.ends_ms) == sorted(spoken.times.ends_ms)


@pytest.mark.no_cover  # other tests cover its lines
async def test_a_campaigns_own_voice_has_its_own_audio(studio: Studio) -> None:
    one, other = (
        await studio.house.campaign(),
        await studio.house.campaign(policy={"voice_id": "pNInz6obpgDQGcFmaJgB"}),
    )
    first, second = await studio.prepare(one), await studio.prepare(other)
    assert second.rendered == first.rendered


async def test_after_a_failure_only_the_rest_is_rendered(studio: Studio) -> None:
    campaign = await studio.house.campaign()
    studio.fault("status:429", skip=3, count=2)
    with pytest.raises(ApplicationError) as failure:
        await studio.prepare(campaign)
    assert failure.value.type == "speech_unavailable" and not failure.value.non_retryable
    again = await studio.prepare(campaign)
    assert again.rendered == 2 and again.already_there > 8


@pytest.mark.parametrize(
    ("effect", "kind", "code", "final"),
    [
        ("status:401", "speech_refused", "quota_exceeded", True),
        ("status:404", "speech_refused", "voice_not_found", True),
        ("status:503", "speech_unavailable", "service_unavailable", False),
        ("cut_socket", "speech_unavailable", None, False),
        ("empty", "speech_unavailable", "no_audio", False),
    ],
)
async def test_every_failure_has_its_type_and_code(
    studio: Studio, effect: str, kind: str, code: str | None, final: bool
) -> None:
    campaign = await studio.house.campaign()
    studio.fault(effect, count=None)
    with pytest.raises(ApplicationError) as failure:
        await studio.prepare(campaign)
    assert (failure.value.type, failure.value.non_retryable) == (kind, final)
    assert code is None or failure.value.details[0] == code


async def test_a_prepared_campaign_runs_unless_it_was_paused_meanwhile(studio: Studio) -> None:
    environment = ActivityEnvironment()
    campaign = await studio.house.campaign(state=CampaignState.PREPARING)
    wish = PrepareCampaignInput(campaign_id=campaign)
    assert (await environment.run(studio.activities.set_campaign_running, wish)).moved
    assert await studio.state(campaign) == ("running", "")
    paused = await studio.house.campaign(state=CampaignState.PAUSED)
    wish = PrepareCampaignInput(campaign_id=paused)
    assert not (await environment.run(studio.activities.set_campaign_running, wish)).moved
    assert (await studio.state(paused))[0] == "paused"


async def test_a_campaign_that_cannot_be_prepared_goes_back_with_the_reason(studio: Studio) -> None:
    campaign = await studio.house.campaign(state=CampaignState.PREPARING)
    failed = PreparationFailed(campaign_id=campaign, code="voice_not_found")
    assert (await ActivityEnvironment().run(studio.activities.give_up_preparing, failed)).moved
    assert await studio.state(campaign) == ("draft", "the audio could not be rendered: voice_not_found")


async def test_unknown_campaigns_and_leads_are_final_errors(studio: Studio) -> None:
    for run in (studio.prepare, studio.prepare_lead):
        with pytest.raises(ApplicationError) as failure:
            await run("nobody")
        assert failure.value.non_retryable


async def test_the_first_audio_under_a_key_stays(house: House) -> None:
    async with house.database.transaction() as session:
        await put_audio(session, key="k", voice_id="v", text="t", audio=b"one")
        await put_audio(session, key="k", voice_id="v", text="t", audio=b"two")
        assert await get_audio(session, "k") == b"one"
        assert await missing(session, ["k", "l"]) == {"l"}
