"""The carrier's questions around a transfer: one dialling for each, whatever is asked twice, lost or late."""

from typing import Any
from xml.etree import ElementTree

import pytest

from cadenza.domain.messages import ConversationEnded
from cadenza.domain.outcomes import AttemptOutcome
from cadenza.domain.policy import CampaignPolicy
from cadenza.domain.transfers import TransferTarget
from cadenza.records.tables import Attempt
from cadenza.records.transfers import ask_for_transfer, call_off_transfer, release_to_transfer, word_of_transfers
from tests.api.conftest import CALL_SID, PUBLIC_URL, Api

SALES = {"id": "sales", "label": "our sales team", "phone": "+12125550142"}
DIAL_SID = "CA" + "0" * 31 + "2"


@pytest.fixture
async def attempt(api: Api) -> Attempt:
    campaign = await api.campaign(policy={"transfer_targets": [SALES], "transfer_ring_seconds": 15})
    await api.upload(campaign)
    await api.execute("update campaign set state = 'running' where id = :id", id=campaign)
    return await api.attempt(campaign, state="in_progress")


async def announce(api: Api, attempt: Attempt, position: int = 7, *, heard: bool = True) -> None:
    async with api.database.transaction() as session:
        await ask_for_transfer(session, attempt.id, position, TransferTarget.model_validate(SALES))
        if heard:
            await release_to_transfer(session, attempt.id)


async def ask_what_is_next(
    api: Api, attempt: Attempt, name: str = "after-stream", transfer: int | None = None, **fields: str
) -> Any:
    answer = await api.webhook(
        name, attempt.id, transfer=transfer, CallSid=CALL_SID, CallStatus="in-progress", **fields
    )
    assert answer.status_code == 200, answer.text
    return ElementTree.fromstring(answer.text)


def verbs(document: Any) -> list[str]:
    return [verb.tag for verb in document]


async def state_of(api: Api, attempt: Attempt) -> str:
    return str(
        await api.value("select state from transfer where attempt_id = :id order by position desc", id=attempt.id)
    )


async def after_transfer(api: Api, attempt: Attempt, status: str, **fields: str) -> Any:
    return await ask_what_is_next(
        api, attempt, "after-transfer", 7, DialCallStatus=status, DialCallSid=DIAL_SID, **fields
    )


async def test_who_was_announced_is_dialled(api: Api, attempt: Attempt) -> None:
    await announce(api, attempt)
    document = await ask_what_is_next(api, attempt)
    assert verbs(document) == ["Dial"]
    dial, number = document[0], document[0][0]
    assert (number.tag, number.text) == ("Number", SALES["phone"])
    assert (dial.get("callerId"), dial.get("timeout"), dial.get("answerOnBridge")) == ("+12025550199", "15", "true")
    assert dial.get("timeLimit") == str(CampaignPolicy().max_transfer_seconds)
    assert dial.get("action") == f"{PUBLIC_URL}/webhooks/twilio/after-transfer?attempt={attempt.id}&transfer=7"
    assert number.get("statusCallback") == f"{PUBLIC_URL}/webhooks/twilio/transfer?attempt={attempt.id}&transfer=7"
    assert await state_of(api, attempt) == "dialling"


async def test_a_question_that_is_asked_again_dials_nobody_again(api: Api, attempt: Attempt) -> None:
    """The call was redirected by a rescue, say, into the target's ringing."""
    await announce(api, attempt)
    documents = [await ask_what_is_next(api, attempt) for _ in range(3)]
    told = [{"Dial", "Connect"} & set(verbs(document)) for document in documents]
    assert told == [{"Dial"}, {"Connect"}, {"Connect"}]
    assert await state_of(api, attempt) == "unknown"


async def test_a_request_that_the_carrier_repeats_gets_the_dialling_again(api: Api, attempt: Attempt) -> None:
    """Its first answer was lost on the way: the carrier has dialled nobody."""
    await announce(api, attempt)
    documents = [await ask_what_is_next(api, attempt, token="visit-1") for _ in range(2)]
    assert [verbs(document) for document in documents] == [["Dial"], ["Dial"]]
    assert {"Dial", "Connect"} & set(verbs(await ask_what_is_next(api, attempt, token="visit-2"))) == {"Connect"}


async def test_an_answer_that_the_carrier_did_not_get_is_given_again_by_the_fallback(
    api: Api, attempt: Attempt
) -> None:
    await announce(api, attempt)
    await ask_what_is_next(api, attempt)
    missed = f"{PUBLIC_URL}/webhooks/twilio/after-stream?attempt={attempt.id}"
    document = await ask_what_is_next(api, attempt, "fallback", ErrorCode="11200", ErrorUrl=missed)
    assert verbs(document) == ["Dial"]


async def test_a_bridge_that_died_before_the_announcement_was_heard_is_replaced(api: Api, attempt: Attempt) -> None:
    await announce(api, attempt, heard=False)
    assert verbs(await ask_what_is_next(api, attempt))[0] == "Connect"
    assert await state_of(api, attempt) == "asked"


async def test_what_was_called_off_is_not_dialled(api: Api, attempt: Attempt) -> None:
    await announce(api, attempt, heard=False)
    async with api.database.transaction() as session:
        assert await call_off_transfer(session, attempt.id)
        assert not await release_to_transfer(session, attempt.id)
    assert verbs(await ask_what_is_next(api, attempt))[0] == "Connect"


async def test_a_target_that_took_the_call_ends_ours_as_transferred(api: Api, attempt: Attempt) -> None:
    await announce(api, attempt)
    await ask_what_is_next(api, attempt)
    told: list[Any] = []

    async def signal(campaign_id: str, lead_id: str, message: Any) -> bool:
        told.append(message)
        return True

    api.context.delivery._leads.signal = signal  # type: ignore[method-assign]
    await dial_progress(api, attempt, "ringing")
    await dial_progress(api, attempt, "in-progress")
    assert await state_of(api, attempt) == "answered"
    assert verbs(await after_transfer(api, attempt, "completed", DialCallDuration="61")) == ["Hangup"]
    await api.context.delivery.stop(5)
    assert [(one.outcome, one.attempt_id) for one in told if isinstance(one, ConversationEnded)] == [
        (AttemptOutcome.TRANSFERRED, attempt.id)
    ]
    row = await api.value(
        "select concat_ws('|', conversation_outcome, conversation_over) from attempt where id = :id", id=attempt.id
    )
    assert row == "transferred|t"
    detail = (await api.http.get(f"/v1/calls/{attempt.id}")).json()
    (shown,) = detail["transfers"]
    assert (shown["target_id"], shown["state"], shown["talked_seconds"]) == ("sales", "completed", 61)
    assert shown["answered_at"] and shown["dialled_at"] and shown["ended_at"]


async def dial_progress(api: Api, attempt: Attempt, status: str) -> None:
    answer = await api.webhook(
        "transfer", attempt.id, transfer=7, CallSid=DIAL_SID, ParentCallSid=CALL_SID, CallStatus=status
    )
    assert answer.status_code == 204


@pytest.mark.parametrize(
    ("status", "fields", "state"),
    [
        ("no-answer", {}, "no_answer"),
        ("busy", {}, "busy"),
        ("failed", {}, "failed"),
        ("completed", {"DialBridged": "false"}, "no_answer"),
    ],
)
async def test_a_target_that_did_not_gives_the_callee_back_to_the_agent(
    api: Api, attempt: Attempt, status: str, fields: dict[str, str], state: str
) -> None:
    await announce(api, attempt)
    await ask_what_is_next(api, attempt)
    for _ in range(2):  # a repeat changes nothing
        assert "Connect" in verbs(await after_transfer(api, attempt, status, **fields))
    assert await state_of(api, attempt) == state
    assert "Dial" not in verbs(await ask_what_is_next(api, attempt)), "nobody is dialled after that"


async def test_a_dialling_that_nobody_told_the_end_of_is_not_made_again(api: Api, attempt: Attempt) -> None:
    await announce(api, attempt)
    await ask_what_is_next(api, attempt)
    missed = f"{PUBLIC_URL}/webhooks/twilio/after-transfer?attempt={attempt.id}&transfer=7"
    document = await ask_what_is_next(api, attempt, "fallback", ErrorCode="11200", ErrorUrl=missed)
    assert verbs(document)[0] == "Connect"
    assert await state_of(api, attempt) == "unknown"


async def test_a_callee_who_hangs_up_into_the_ringing_wanted_a_person(api: Api, attempt: Attempt) -> None:
    await announce(api, attempt)
    await ask_what_is_next(api, attempt)
    async with api.database.transaction() as session:
        assert await word_of_transfers(session, attempt.id) is AttemptOutcome.INTERESTED
    await dial_progress(api, attempt, "in-progress")
    async with api.database.transaction() as session:
        assert await word_of_transfers(session, attempt.id) is AttemptOutcome.TRANSFERRED


async def test_the_word_of_an_answer_may_come_after_the_end(api: Api, attempt: Attempt) -> None:
    await announce(api, attempt)
    await ask_what_is_next(api, attempt)
    await after_transfer(api, attempt, "completed")
    await dial_progress(api, attempt, "in-progress")
    assert await state_of(api, attempt) == "completed"


async def test_a_second_transfer_of_the_call_is_dialled_too(api: Api, attempt: Attempt) -> None:
    await announce(api, attempt)
    await ask_what_is_next(api, attempt)
    await after_transfer(api, attempt, "busy")
    await announce(api, attempt, position=12)
    assert verbs(await ask_what_is_next(api, attempt)) == ["Dial"]


async def test_a_suppressed_number_is_no_target(api: Api, attempt: Attempt) -> None:
    await api.http.post("/v1/suppressions", json={"phone": SALES["phone"], "reason": "asked"})
    try:
        await announce(api, attempt)
        assert verbs(await ask_what_is_next(api, attempt))[0] == "Connect"
        assert await state_of(api, attempt) == "failed"
        body = {"name": "n", "script": {"agent_company": "A", "purpose": "p", "opening": "o"},
                "policy": {"transfer_targets": [SALES]}}  # fmt: skip
        refused = await api.http.post("/v1/campaigns", json=body)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["field"] == "policy.transfer_targets.0.phone"
        assert "suppress" in refused.json()["errors"][0]["message"]
    finally:
        await api.execute("delete from suppression where phone = :phone", phone=SALES["phone"])


async def test_a_target_that_may_not_be_dialled_is_refused_by_name(api: Api) -> None:
    campaign = await api.campaign()
    wrong = {"policy": {"transfer_targets": [{**SALES, "phone": "555-0142"}]}}
    refused = await api.http.patch(f"/v1/campaigns/{campaign}", json=wrong)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "policy.transfer_targets.0.phone"
    assert "0142" not in refused.text


@pytest.mark.parametrize("name", ["transfer", "after-transfer"])
async def test_an_unsigned_word_about_a_transfer_is_refused(api: Api, attempt: Attempt, name: str) -> None:
    await announce(api, attempt)
    answer = await api.webhook(name, attempt.id, sign=False, transfer=7, CallSid=CALL_SID)
    assert answer.status_code == 403
    assert await state_of(api, attempt) == "ready"
