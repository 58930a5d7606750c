"""The summary after a call, with the real OpenAI SDK against the emulated service. Pins: it is made once, from what was
heard; words the agent never said are not held against it; and no failure reaches the lead."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.after_call import (
    AfterCallActivities,
    CallSummary,
    SummariseCall,
    SummarisedCall,
    UnapprovedPromise,
    approved_claims,
    really_said,
    transcript,
)
from cadenza.domain.outcomes import Speaker
from cadenza.domain.script import Script
from cadenza.records.call_tables import Turn
from cadenza.records.journal import TurnRow, write_turns
from rehearsal.openai.server import build
from rehearsal.world import World, create_world
from tests.activities.house import SCRIPT, House, rehearsal_settings

pytestmark = [pytest.mark.servers, pytest.mark.waits(15)]

TALK = [
    (Speaker.AGENT, "Hi, this is Ava, an AI assistant calling for Acme. This call is recorded."),
    (Speaker.AGENT, "Hello Ann, have you a minute?"),
    (Speaker.CALLEE, "It's too expensive for us, I think."),
    (Speaker.AGENT, "The tour costs nothing."),
    (Speaker.CALLEE, "All right, let's do it."),
    (Speaker.TOOL, ""),
    (Speaker.AGENT, "You're booked for Tuesday. Goodbye."),
]


class Desk:
    def __init__(self, house: House, world: World, activities: AfterCallActivities) -> None:
        self.house, self.world, self.activities = house, world, activities

    async def call(self, talk: list[tuple[Speaker, str]] = TALK) -> str:
        attempt = await self.house.attempt(await self.house.lead(await self.house.campaign()))
        rows = [TurnRow(position, speaker, text) for position, (speaker, text) in enumerate(talk, 1)]
        async with self.house.database.transaction() as session:
            await write_turns(await session.connection(), attempt, rows)
        return attempt

    async def summarise(self, attempt_id: str) -> SummarisedCall:
        return await ActivityEnvironment().run(self.activities.summarise_call, SummariseCall(attempt_id=attempt_id))

    def fault(self, effect: str, **more: Any) -> None:
        self.world.faults.order({"vendor": "openai", "operation": "complete", "effect": effect, **more})


@pytest_asyncio.fixture
async def desk(house: House, tmp_path: Path) -> AsyncIterator[Desk]:
    world = create_world(rehearsal_settings(tmp_path), write_truth=False)
    emulator = build(world)
    await emulator.start("127.0.0.1", 0)
    settings = rehearsal_settings(tmp_path, openai_base_url=f"http://127.0.0.1:{emulator.port}/v1")
    activities = AfterCallActivities(settings, house.database)
    yield Desk(house, world, activities)
    await activities.close()
    await emulator.stop()


async def test_a_conversation_is_summarised_once_and_its_tokens_are_counted(desk: Desk) -> None:
    attempt = await desk.call()
    assert (await desk.summarise(attempt)).summarised
    (row,) = await desk.house.run("select summary, tokens from attempt")
    summary = CallSummary.model_validate(row.summary)
    assert summary.summary and row.tokens > 0
    desk.fault("status:500", count=None)  # a second request would fail
    assert (await desk.summarise(attempt)).summarised
    assert await desk.house.run("select summary, tokens from attempt") == [row]


@pytest.mark.parametrize("talk", [[], TALK[:2], [*TALK[:2], (Speaker.CALLEE, "  ")]])
async def test_without_a_word_of_the_callee_nothing_is_asked(desk: Desk, talk: list[tuple[Speaker, str]]) -> None:
    desk.fault("status:500", count=None)
    assert await desk.summarise(await desk.call(talk)) == SummarisedCall(summarised=False, reason="no_conversation")


@pytest.mark.parametrize(
    ("effect", "kind", "final"),
    [
        ("status:429", "model_unavailable", False),
        ("quota", "model_refused", True),
        ("status:503", "model_unavailable", False),
        ("status:401", "model_refused", True),
        ("cut_socket", "model_unavailable", False),
        ("empty", "model_garbled", False),
    ],
)
async def test_every_failure_has_its_type_and_changes_nothing(desk: Desk, effect: str, kind: str, final: bool) -> None:
    attempt = await desk.call()
    desk.fault(effect)
    with pytest.raises(ApplicationError) as failure:
        await desk.summarise(attempt)
    assert (failure.value.type, failure.value.non_retryable) == (kind, final)
    assert await desk.house.run("select summary, tokens from attempt") == [(None, 0)]


async def test_an_unknown_attempt_is_a_final_error(desk: Desk) -> None:
    with pytest.raises(ApplicationError) as failure:
        await desk.summarise("nobody")
    assert failure.value.type == "unknown_attempt" and failure.value.non_retryable


BOLD = "You will save forty percent, and it is better than anything from the company next door. I promise."


async def test_promises_that_nobody_approved_are_flagged_by_rule_and_by_model(desk: Desk) -> None:
    attempt = await desk.call([*TALK, (Speaker.AGENT, BOLD)])
    assert (await desk.summarise(attempt)).unapproved_promises == 2
    (row,) = await desk.house.run("select unapproved_promises from attempt")
    found = [(one["quote"], one["found_by"]) for one in row.unapproved_promises]
    assert found == [
        ("You will save forty percent, and it is better than anything from the company next door.", "rule"),
        ("I promise.", "rule"),
    ]
    assert (await desk.summarise(attempt)).unapproved_promises == 2


async def test_the_model_finds_what_no_rule_sees(desk: Desk) -> None:
    attempt = await desk.call([*TALK, (Speaker.AGENT, "We are cheaper than anybody on your street.")])
    await desk.summarise(attempt)
    (row,) = await desk.house.run("select unapproved_promises from attempt")
    assert [(one["quote"], one["found_by"]) for one in row.unapproved_promises] == [
        ("We are cheaper than anybody on your street.", "model")
    ]


async def test_the_rules_flags_stand_where_no_model_answers(desk: Desk) -> None:
    attempt = await desk.call([*TALK, (Speaker.AGENT, BOLD)])
    desk.fault("status:503")
    with pytest.raises(ApplicationError):
        await desk.summarise(attempt)
    (row,) = await desk.house.run("select unapproved_promises, summary from attempt")
    assert row.summary is None and len(row.unapproved_promises) == 2


async def test_a_fact_that_came_in_during_the_call_is_approved(desk: Desk) -> None:
    attempt = await desk.call([*TALK, (Speaker.AGENT, "You will save forty percent.")])
    note = TurnRow(20, Speaker.SYSTEM, "This customer would save forty percent.", payload={"note": 1})
    async with desk.house.database.transaction() as session:
        await write_turns(await session.connection(), attempt, [note])
    assert (await desk.summarise(attempt)).unapproved_promises == 0


def turn(speaker: Speaker, text: str) -> Turn:
    return Turn(attempt_id="a", position=1, speaker=speaker.value, text=text)


def test_only_words_that_the_agent_was_heard_to_say_are_held_against_it() -> None:
    turns = [
        turn(Speaker.AGENT, "We guarantee you'll save half."),
        turn(Speaker.CALLEE, "You promised me a free phone."),
    ]
    promises = [
        UnapprovedPromise(quote=quote, why="not approved")
        for quote in ("we guarantee you'll SAVE half", "a free phone", "we pay your rent", "...")
    ]
    assert [promise.quote for promise in really_said(promises, turns)] == ["we guarantee you'll SAVE half"]


def test_of_a_very_long_call_the_end_is_kept() -> None:
    turns = [turn(Speaker.CALLEE, f"{number} " + "word " * 1000) for number in range(20)]
    kept = transcript(turns)
    assert kept[-1]["text"] == turns[-1].text
    assert sum(len(line["text"]) for line in kept) <= 40_000


def test_facts_and_approved_answers_are_the_approved_claims() -> None:
    claims = approved_claims(Script.model_validate(SCRIPT))
    assert {"The tour takes thirty minutes.", "The tour costs nothing."} <= set(claims)
