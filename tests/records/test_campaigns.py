"""Campaigns end by themselves when every lead has its final outcome, and only then."""

from pathlib import Path

import pytest

from cadenza.records.campaigns import complete_finished_campaigns, finish_preparing
from cadenza.temporal.connection import connect
from tests.api.conftest import close_api, open_api, settings_for


@pytest.mark.parametrize(
    ("state", "lead_states", "completes"),
    [
        ("running", ("final", "final"), True),
        ("running", ("final", "waiting"), False),
        ("running", ("final", "calling"), False),
        ("running", ("new", "due"), False),
        ("running", (), False),  # nothing was uploaded yet
        ("paused", ("final", "final"), False),
        ("cancelled", ("final", "final"), False),
    ],
)
async def test_a_campaign_completes_with_its_last_lead(
    module_laid_out_url: str, tmp_path: Path, state: str, lead_states: tuple[str, ...], completes: bool
) -> None:
    settings = settings_for(module_laid_out_url, tmp_path)
    api = await open_api(settings, await connect(settings, lazy=True))
    campaign = await api.campaign()
    if lead_states:
        await api.upload(campaign, params={"active_elsewhere": "take"})
    await api.execute("update campaign set state = :state where id = :id", state=state, id=campaign)
    for name, lead_state in zip(("Ada", "Ben"), lead_states, strict=False):
        await api.execute(
            "update lead set state = :state where campaign_id = :id and first_name = :name",
            state=lead_state,
            id=campaign,
            name=name,
        )
    async with api.database.transaction() as session:
        assert (campaign in await complete_finished_campaigns(session)) is completes
        assert await complete_finished_campaigns(session) == []
    assert await api.value("select ended_at is not null from campaign where id = :id", id=campaign) is completes
    await close_api(api)


async def test_preparation_sets_only_a_preparing_campaign_running(module_laid_out_url: str, tmp_path: Path) -> None:
    settings = settings_for(module_laid_out_url, tmp_path)
    api = await open_api(settings, await connect(settings, lazy=True))
    for state, moves in (("preparing", True), ("paused", False), ("cancelled", False), ("running", False)):
        campaign = await api.campaign()
        await api.execute("update campaign set state = :state where id = :id", state=state, id=campaign)
        async with api.database.transaction() as session:
            assert await finish_preparing(session, campaign) is moves
        assert (await api.value("select started_at is not null from campaign where id = :id", id=campaign)) is moves
    await close_api(api)
