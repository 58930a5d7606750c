"""Pins down the salesman's manners: at most one tool call, one question, no token or promise of its own making."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rehearsal.openai.brain import think
from rehearsal.openai.conversation import read
from rehearsal.people.characters import Character
from tests.rehearsal.openai.telephone import FIRST, SECOND, THIRD, TOOLS, Telephone, converse, tool


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "character",
    [Character.INTERESTED, Character.OBJECTS, Character.INTERRUPTS, Character.ASKS_ROBOT],
    ids=lambda one: one.value,
)
def test_interested_people_book_and_say_goodbye(character: Character, seed: int) -> None:
    dialogue = converse(character, seed)
    names = dialogue.telephone.names()
    assert names[-3:] == ["offer_slots", "book_appointment", "end_call"]
    assert dialogue.left is not None
    booked = next(index for index, (_, text) in enumerate(dialogue.lines) if "You're booked" in text)
    assert "book_appointment" in names
    assert booked > 2


@pytest.mark.parametrize(
    ("character", "tools"),
    [
        (Character.CALLBACK_SOON, ["schedule_callback", "end_call"]),
        (Character.CALLBACK_TOMORROW, ["schedule_callback", "end_call"]),
        (Character.NOT_INTERESTED, ["leave_it", "end_call"]),
        (Character.DO_NOT_CALL, ["do_not_call", "end_call"]),
        (Character.WRONG_NUMBER, ["leave_it", "end_call"]),
        (Character.GATEKEEPER, ["leave_it", "end_call"]),
    ],
)
def test_everybody_else_is_served_and_left_alone(character: Character, tools: list[str]) -> None:
    dialogue = converse(character)
    assert dialogue.telephone.names() == tools
    assert dialogue.telephone.ended


@pytest.mark.parametrize("character", list(Character))
def test_replies_are_short_and_ask_one_thing(character: Character) -> None:
    dialogue = converse(character)
    for speaker, text in dialogue.lines[1:]:
        if speaker == "agent":
            assert text.count("?") <= 1
            assert len(re.findall(r"[.!?](?:\s|$)", text)) <= 4  # with a farewell or an answered objection
    assert len(dialogue.telephone.called) <= 6


def test_objections_are_answered_once_by_the_script_and_then_respected() -> None:
    line = Telephone()
    line.hear("How much does it cost?")
    line.hear("It still sounds expensive to me.")
    assert line.called[0] == ("answer_objection", {"objection_id": "price"})
    assert line.called[1] == ("leave_it", {"reason": "not_now"})


def test_the_scripts_own_objections_are_found_by_what_is_said_of_them() -> None:
    own = tool(
        "answer_objection",
        objection_id={
            "type": "string",
            "enum": ["solar", "landlord"],
            "description": "solar: already has solar panels; landlord: rents and the landlord decides",
        },
    )
    line = Telephone(tools=[own if one["function"]["name"] == "answer_objection" else one for one in TOOLS])
    line.hear("We already have solar panels on the roof.")
    assert line.called[0] == ("answer_objection", {"objection_id": "solar"})


@pytest.mark.parametrize(
    ("words", "token"),
    [
        ("The first one works for me.", "s1"),
        ("The second one is better for me.", "s2"),
        ("two thirty works", "s1"),
        ("Let's do Wednesday.", "s2"),
        ("Ten in the morning please.", "s2"),
        ("The afternoon one.", "s1"),
        ("2:30 is good.", "s1"),
        ("Either is fine.", "s1"),
        ("The later one", "s2"),
    ],
)
def test_a_slot_is_picked_in_many_ways(words: str, token: str) -> None:
    line = Telephone()
    line.hear("When could we meet?")
    said = line.hear(words)
    assert line.called[-1] == ("book_appointment", {"slot_token": token, "email": None})
    assert said.startswith("You're booked for ")


def test_a_yes_to_two_slots_is_asked_back_once() -> None:
    line = Telephone()
    line.hear("What times do you have?")
    assert "Which one" in line.hear("Yes, that's great.")
    line.hear("Yes.")
    assert line.called[-1][1]["slot_token"] == "s1"


@pytest.mark.parametrize("words", ["Neither of those works.", "Do you have anything on Thursday morning?"])
def test_other_times_are_looked_for(words: str) -> None:
    line = Telephone(answers={"offer_slots": [{"slots": [FIRST, SECOND]}, {"slots": [THIRD]}]})
    line.hear("When could we meet?")
    said = line.hear(words)
    assert line.names() == ["offer_slots", "offer_slots"]
    assert said == f"I also have {THIRD['spoken']}. Does that work for you?"
    line.hear("Yes, perfect.")
    assert line.called[-1][1]["slot_token"] == "s3"


def test_a_wish_goes_to_the_calendar() -> None:
    line = Telephone()
    line.hear("Yes, could you do Thursday afternoon?")
    assert line.called[0] == ("offer_slots", {"preference": "Yes, could you do Thursday afternoon?"})


def test_a_taken_slot_leads_to_the_next_ones() -> None:
    line = Telephone(answers={"book_appointment": [{"status": "taken", "slots": [SECOND, THIRD]}]})
    line.hear("When could we meet?")
    said = line.hear("The first one.")
    assert said == f"That one has just gone; I have {SECOND['spoken']} or {THIRD['spoken']}. Which suits you better?"
    line.hear("The second one.")
    assert line.called[-1][1]["slot_token"] == "s3"


@pytest.mark.parametrize(
    ("words", "email"),
    [
        ("It's alex at example dot com.", "alex@example.com"),
        ("Dana.Reyes@Example.com", "dana.reyes@example.com"),
        ("sure, d a n a dot reyes at example dot com", "dana.reyes@example.com"),
        ("my email is alex underscore two at example dot co dot uk", "alex_2@example.co.uk"),
    ],
)
def test_an_address_is_asked_for_and_understood(words: str, email: str) -> None:
    line = Telephone(answers={"book_appointment": [{"status": "need_email"}]})
    line.hear("When could we meet?")
    assert line.hear("The second one.") == "Which e-mail address may I send the invitation to?"
    line.hear(words)
    assert line.called[-1] == ("book_appointment", {"slot_token": "s2", "email": email})


def test_no_booking_is_claimed_that_failed() -> None:
    line = Telephone(answers={"book_appointment": [{"status": "failed", "reason": "calendar_down"}]})
    line.hear("When could we meet?")
    said = line.hear("The first one.")
    assert "booked" not in said.lower()
    line.hear("Tomorrow at three is fine.")
    assert line.called[-1] == (
        "schedule_callback",
        {"when": "2026-11-21T15:00:00", "spoken_request": "Tomorrow at three is fine."},
    )


@pytest.mark.parametrize(
    ("words", "when"),
    [
        ("Can you call me back in thirty seconds?", "2026-11-20T10:30:30"),
        ("Could you call back tomorrow at three in the afternoon?", "2026-11-21T15:00:00"),
        ("Please try again on Monday at half past two.", "2026-11-23T14:30:00"),
        ("Call me later today.", "2026-11-20T12:30:00"),
        ("Bad time, call me back in half an hour.", "2026-11-20T11:00:00"),
        ("Call me again next week.", "2026-11-23T10:00:00"),
        ("Can you call me back this afternoon?", "2026-11-20T15:00:00"),
        ("Call me back at quarter to five.", "2026-11-20T16:45:00"),
    ],
)
def test_callbacks_are_scheduled_on_the_callees_clock(words: str, when: str) -> None:
    line = Telephone()
    line.hear(words)
    assert line.called == [("schedule_callback", {"when": when, "spoken_request": words})]


def test_a_callback_without_a_time_is_asked_for_one() -> None:
    line = Telephone()
    assert line.hear("Can you call me back?") == "Of course. When may we call you back?"
    line.hear("In an hour.")
    assert line.called[-1][1]["when"] == "2026-11-20T11:30:00"


def test_a_refused_callback_takes_the_suggestion() -> None:
    line = Telephone(
        answers={"schedule_callback": [{"status": "refused", "reason": "hours", "suggestion": "tomorrow at nine"}]}
    )
    assert line.hear("Call me back tonight at eleven pm.").endswith("Would tomorrow at nine work for you?")
    line.hear("Yes, okay.")
    assert line.called[-1] == (
        "schedule_callback",
        {"when": "2026-11-21T09:00:00", "spoken_request": "tomorrow at nine"},
    )


@pytest.mark.parametrize(
    "words",
    ["Are you a robot?", "Wait, is this a real person?", "Am I talking to a machine?", "Are you an AI?"],
)
def test_it_never_denies_being_a_machine(words: str) -> None:
    assert "I'm an AI assistant" in Telephone().hear(words)


def test_a_call_screener_gets_a_name_and_a_reason() -> None:
    said = Telephone().hear("Record your name and reason for calling and I'll see if this person is available.")
    assert said.startswith("This is Ava, an AI assistant calling for Harbour Energy")


def test_silence_is_asked_about_once() -> None:
    line = Telephone()
    assert line.hear("") == "Are you still there?"
    line.hear("...")
    assert line.names() == ["leave_it", "end_call"]


def test_without_tools_it_only_talks() -> None:
    line = Telephone(tools=[])
    for words in ("Yes.", "When could we meet?", "Take me off your list.", "Call me back tomorrow.", "Bye."):
        assert line.hear(words)
    assert line.called == []


def test_an_unknown_tool_answer_is_survived() -> None:
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "Hi"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "sing", "arguments": "{"}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "no json"},
    ]
    assert think(read(messages, [])).text


@pytest.mark.no_cover  # many examples of lines that other tests cover
@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [
                    "Yes.", "No.", "Okay.", "The first one.", "Neither.", "When?", "Who is this?", "Bye.", "",
                    "How much is it?", "I have no time.", "Call me back tomorrow.", "alex at example dot com",
                    "Thanks.", "Not interested.", "Hello?", "mm-hm", "Thursday", "Are you a robot?", "at three",
                ]
            ),
            st.text(max_size=40),
        ),
        max_size=10,
    ),
    st.lists(
        st.sampled_from(["booked", "taken", "need_email", "failed"]), max_size=4
    ),
)  # fmt: skip
def test_whatever_is_said_every_reply_is_valid(words: list[str], bookings: list[str]) -> None:
    """No endless tools, no invented token, nothing booked without the tool's word, an answer every time."""
    answers = {
        "booked": {"status": "booked", "spoken": FIRST["spoken"]},
        "taken": {"status": "taken", "slots": [THIRD]},
        "need_email": {"status": "need_email"},
        "failed": {"status": "failed", "reason": "x"},
    }
    line = Telephone(answers={"book_appointment": [dict(answers[one]) for one in bookings]})
    for text in words:
        said = line.hear(text)
        if line.ended:
            break
        assert said
    booked = [name for name, _ in line.called].count("book_appointment")
    for name, arguments in line.called:
        if name == "book_appointment":
            assert arguments["slot_token"] in {"s1", "s2", "s3"}
    claimed = any("You're booked" in str(message.get("content")) for message in line.messages)
    assert not claimed or booked


def test_a_question_is_answered_from_the_facts_it_was_given() -> None:
    said = Telephone().hear("How many tariffs do you compare?")
    assert said.startswith("We compare forty tariffs in one short call.")


def test_a_prompt_in_sections_with_a_clock_of_its_own_is_understood() -> None:
    prompt = (
        "You are Ava, an AI assistant on a live phone call for Brightwater Solar. Your words are spoken aloud.\n\n"
        "# Purpose\nTo offer a free call about lower bills.\nGoal: Book a call.\n\n"
        "# What you may claim\nOnly the facts below.\n- The call takes thirty minutes.\n\n"
        "# Objections (id: what is heard)\n- price: It is too expensive.\n\n"
        '<data>\n{"notes":{"last_order":"2020-01-01T00:00:00"}}\n</data>'
    )
    line = Telephone(prompt=prompt)
    line.messages.append(
        {
            "role": "system",
            "content": "The callee's local date and time is now 2026-11-20T10:30:00 "
            "(Friday 20 November 2026, 10:30), time zone America/New_York.",
        }
    )
    said = line.hear("Yes, sure.")
    assert said.startswith("Great. I'm calling to offer a free call about lower bills.")
    assert line.hear("Who is this?").startswith("This is Ava, an AI assistant calling for Brightwater Solar")
    assert line.hear("How many minutes does the call take?").startswith("The call takes thirty minutes.")
    line.hear("Can you call me back in thirty seconds?")
    assert line.called[-1][1]["when"] == "2026-11-20T10:30:30"
