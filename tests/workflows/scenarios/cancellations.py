"""An operator cancels a lead's workflow, wherever it stands: it ends, and does not take it for a failure."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from cadenza.domain.outcomes import AnsweredBy, AttemptOutcome, CallStatus
from tests.workflows.scenarios.registry import LEADS, lead_scenario
from tests.workflows.stage import LeadOnStage, doubtful

Play = Callable[[LeadOnStage], Coroutine[Any, Any, None]]


def _cancelled_in(activity: str, until_there: Play) -> None:
    async def play(lead: LeadOnStage) -> None:
        lead.script.hold = {activity: asyncio.Event()}
        await until_there(lead)
        await lead.asked_for(activity)
        await lead.handle.cancel()

    LEADS[f"cancelled_in_{activity}"] = play


async def _admitted(lead: LeadOnStage) -> None:
    await lead.admit()


async def _in_doubt(lead: LeadOnStage) -> None:
    lead.script.place = [doubtful()]
    await lead.admit()


async def _with_a_machine(lead: LeadOnStage) -> None:
    await lead.call(AnsweredBy.MACHINE_START)


async def _at_the_beep(lead: LeadOnStage) -> None:
    await lead.call(AnsweredBy.MACHINE_END_BEEP, leaves_voicemail=True)


async def _without_news(lead: LeadOnStage) -> None:
    await lead.call()
    await lead.skip(timedelta(seconds=60))


async def _after_a_talk(lead: LeadOnStage) -> None:
    await lead.call(CallStatus.IN_PROGRESS, AttemptOutcome.HUNG_UP, CallStatus.COMPLETED)


_cancelled_in("prepare_lead_audio", _admitted)
_cancelled_in("place_call", _admitted)
_cancelled_in("reconcile_call", _in_doubt)
_cancelled_in("hang_up", _with_a_machine)
_cancelled_in("drop_voicemail", _at_the_beep)
_cancelled_in("fetch_call", _without_news)
_cancelled_in("summarise_call", _after_a_talk)


@lead_scenario
async def cancelled_while_asleep(lead: LeadOnStage) -> None:
    await lead.call(CallStatus.NO_ANSWER)
    await lead.asleep()
    await lead.handle.cancel()
