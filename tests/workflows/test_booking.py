"""Appointments asked for during the call: one at a time, once for each tool call, and never left half made."""

import asyncio
from collections.abc import Callable

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from cadenza.domain.messages import BookAppointment, BookingResult, OfferSlots, SlotOffer
from cadenza.domain.outcomes import AttemptOutcome, CallStatus, LeadOutcome
from tests.workflows.stage import CAMPAIGN, LeadOnStage

pytestmark = pytest.mark.servers

NewLead = Callable[..., LeadOnStage]


async def offer(lead: LeadOnStage, attempt: str | None = None) -> object:
    wish = OfferSlots(attempt_id=attempt or lead.attempt)
    return await lead.leads.offer_slots(CAMPAIGN, lead.id, f"{lead.attempt}-1", wish)


async def book(lead: LeadOnStage, turn: int = 2, attempt: str | None = None) -> BookingResult:
    wish = BookAppointment(attempt_id=attempt or lead.attempt, slot_token="s1")
    return await lead.leads.book_appointment(CAMPAIGN, lead.id, f"{lead.attempt}-{turn}", wish)


def asked(lead: LeadOnStage, name: str) -> int:
    return lead.script.asked.count(name)


async def finish(lead: LeadOnStage, word: AttemptOutcome) -> LeadOutcome:
    await lead.hear(lead.ended(word), CallStatus.COMPLETED)
    return (await lead.result()).outcome


async def test_a_booking_counts_even_where_the_bridge_lost_its_word(new_lead: NewLead) -> None:
    lead = new_lead()
    await lead.call(CallStatus.IN_PROGRESS)
    await offer(lead)
    assert (await book(lead)).status == "booked"
    assert await finish(lead, AttemptOutcome.HUNG_UP) is LeadOutcome.BOOKED


async def test_a_repeated_tool_call_books_once(new_lead: NewLead) -> None:
    lead = new_lead()
    await lead.call(CallStatus.IN_PROGRESS)
    results = await asyncio.gather(*(book(lead) for _ in range(4)))
    assert len({result.booking_id for result in results}) == 1
    assert asked(lead, "book_slot") == 1
    await finish(lead, AttemptOutcome.BOOKED)


async def test_two_tool_calls_book_one_after_the_other(new_lead: NewLead) -> None:
    lead = new_lead(hold={"book_slot": asyncio.Event()}, booking=[BookingResult(status="taken")])
    await lead.call(CallStatus.IN_PROGRESS)
    both = [asyncio.ensure_future(book(lead, turn)) for turn in (2, 3)]
    await asyncio.sleep(0.5)
    assert asked(lead, "book_slot") == 1, "the second waits for the first"
    lead.script.hold["book_slot"].set()
    assert {result.status for result in await asyncio.gather(*both)} == {"taken", "booked"}
    assert await finish(lead, AttemptOutcome.BOOKED) is LeadOutcome.BOOKED


async def test_a_booking_of_the_last_second_is_waited_for(new_lead: NewLead) -> None:
    lead = new_lead(hold={"book_slot": asyncio.Event()})
    await lead.call(CallStatus.IN_PROGRESS)
    booking = asyncio.ensure_future(book(lead))
    await lead.asked_for("book_slot")
    await lead.hear(AttemptOutcome.HUNG_UP, CallStatus.COMPLETED)
    await asyncio.sleep(0.3)
    assert not lead.script.finished
    lead.script.hold["book_slot"].set()
    assert (await booking).status == "booked"
    assert (await lead.result()).outcome is LeadOutcome.BOOKED


async def test_a_failed_booking_is_answered_and_undone(new_lead: NewLead) -> None:
    gone = ApplicationError("calendar", type="calendar_away", non_retryable=True)
    lead = new_lead(booking=[gone])
    await lead.call(CallStatus.IN_PROGRESS)
    assert (await book(lead)).status == "failed"
    await lead.asked_for("release_booking")
    assert await finish(lead, AttemptOutcome.INTERESTED) is LeadOutcome.INTERESTED


async def test_a_booking_that_says_failed_is_undone_too(new_lead: NewLead) -> None:
    lead = new_lead()
    await lead.call(CallStatus.IN_PROGRESS)
    lead.script.booking = [BookingResult(status="failed", booking_id=f"bk_{lead.attempt}-2")]
    assert (await book(lead)).status == "failed"
    await lead.asked_for("release_booking")
    await finish(lead, AttemptOutcome.INTERESTED)


@pytest.mark.parametrize("asking", [offer, book])
async def test_another_attempt_than_the_current_one_is_refused(
    new_lead: NewLead, asking: Callable[..., object]
) -> None:
    lead = new_lead()
    await lead.call(CallStatus.IN_PROGRESS)
    with pytest.raises(WorkflowUpdateFailedError):
        await asking(lead, attempt=f"{lead.id}-7")  # type: ignore[misc]
    assert asked(lead, "book_slot") == asked(lead, "find_open_slots") == 0
    await finish(lead, AttemptOutcome.NOT_INTERESTED)


async def test_nothing_is_booked_while_the_lead_sleeps(new_lead: NewLead) -> None:
    lead = new_lead()
    await lead.call(CallStatus.NO_ANSWER)
    await lead.asleep()
    with pytest.raises(WorkflowUpdateFailedError):
        await book(lead)


async def test_a_calendar_that_does_not_answer_offers_nothing(new_lead: NewLead) -> None:
    away = ApplicationError("calendar", type="calendar_away", non_retryable=True)
    lead = new_lead(slots=[away])
    await lead.call(CallStatus.IN_PROGRESS)
    assert await offer(lead) == SlotOffer(reason="the calendar does not answer")
    await finish(lead, AttemptOutcome.INTERESTED)
