"""What must be understood without a model, and what must not be misunderstood."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.domain import phrases


@pytest.mark.parametrize(
    "text",
    [
        "Please take me off your list and don't call me again.",
        "Take us off the list",
        "remove my number from your database",
        "REMOVE ME FROM YOUR CALLING LIST!",
        "Stop calling me.",
        "Don’t call me anymore",
        "do not ever call this number again",
        "never call me",
        "I don't want any more calls",
        "I do not want you to call me",
        "Put me on your do not call list",
        "no more calls please",
        "I'd like to opt out",
        "unsubscribe",
        "Lose my number",
        "leave me alone",
        "Get me off of your list",
    ],
)
def test_an_opt_out_in_any_usual_wording_is_one(text: str) -> None:
    assert phrases.is_opt_out(text)


@pytest.mark.parametrize(
    "text",
    [
        "I'm not interested.",
        "Can you call me back tomorrow?",
        "Don't call me before noon.",
        "Please don't call me until Tuesday",
        "Don't call me at work",
        "Are we on a do not call list?",
        "No thanks.",
        "Take my number down",
        "I have to take this off the stove",
        "Stop, what is this about?",
        "",
    ],
)
def test_what_is_no_opt_out_is_none(text: str) -> None:
    assert not phrases.is_opt_out(text)


@pytest.mark.parametrize("text", ["mm-hm", "Uh-huh.", "Yeah", "right, right", "Okay, sure.", "I see", "go on", ""])
def test_back_channels(text: str) -> None:
    assert phrases.is_back_channel(text)


@pytest.mark.parametrize("text", ["yes but", "no", "okay what", "right now is bad", "who", "yeah I have a question"])
def test_no_back_channels(text: str) -> None:
    assert not phrases.is_back_channel(text)


@pytest.mark.parametrize("text", ["Stop.", "wait wait", "No, I don't", "hang on", "Excuse me?"])
def test_stop_words(text: str) -> None:
    assert phrases.is_stop_word(text)


@pytest.mark.parametrize("text", ["no problem", "No worries at all", "nobody", "stopping", "yes", ""])
def test_no_stop_words(text: str) -> None:
    assert not phrases.is_stop_word(text)


@pytest.mark.parametrize("text", ["Hello?", "Hi there", "Yes, hello", "Good morning.", "Dave speaking", "This is she"])
def test_greetings(text: str) -> None:
    assert phrases.is_greeting(text)


@pytest.mark.parametrize("text", ["Who is this?", "hello who is calling", "no", "What?", ""])
def test_no_greetings(text: str) -> None:
    assert not phrases.is_greeting(text)


@pytest.mark.parametrize(
    "text",
    ["Hold on a second", "hang on, please", "One moment please.", "just a minute", "Wait.", "Can you hold on a sec?"],
)
def test_requests_to_hold(text: str) -> None:
    assert phrases.asks_to_hold(text)


@pytest.mark.parametrize(
    "text",
    [
        "Sorry, hold on, who is this and what is it about?",
        "wait, are you a robot?",
        "Give me a time",
        "I have a minute.",
        "a second one would be better",
    ],
)
def test_no_requests_to_hold(text: str) -> None:
    assert not phrases.asks_to_hold(text)


@pytest.mark.parametrize(
    "text",
    ["Are you a robot?", "is this a real person", "Am I talking to a machine?", "Are you human?", "is this an AI"],
)
def test_questions_for_a_robot(text: str) -> None:
    assert phrases.asks_if_robot(text)


@pytest.mark.parametrize("text", ["I like robots.", "Are you open on Monday?", "My computer is slow"])
def test_no_questions_for_a_robot(text: str) -> None:
    assert not phrases.asks_if_robot(text)


@pytest.mark.parametrize(
    "text",
    [
        "Hi, you have reached my voicemail. I can't take your call right now.",
        "Your call has been forwarded to an automated voice messaging system.",
        "The person you are calling is not available. At the tone, please record your message.",
        "Hello, sorry I missed you.",
        "Leave your name and number after the beep and I will call you back.",
        "You've got through to the voicemail of Sam",
        "I'm unable to take your call right now",
        "The mailbox is full and cannot accept any messages at this time.",
        "Please leave a message",
        "We're not available to take your call",
    ],
)
def test_voicemail_greetings(text: str) -> None:
    assert phrases.is_voicemail_greeting(text)


@pytest.mark.parametrize(
    "text",
    [
        "He is not available at the moment.",
        "hi I'm not available right now",
        "Good morning, Harper and Sons, how can I help you?",
        "I'm afraid they are in a meeting. Who is calling please?",
        "Would you like to leave a message?",
        "Can I take a message?",
        "Do you want me to leave him a message?",
        "She can't come to the phone, can I help?",
        "Can you leave a message with me?",
        "ACME Plumbing, Dave speaking, how can I help",
        "I never listen to my mail",
        "Send me a message instead",
    ],
)
def test_people_are_no_voicemail(text: str) -> None:
    assert not phrases.is_voicemail_greeting(text)
    assert not phrases.is_call_screening(text)


@pytest.mark.parametrize(
    "text",
    [
        "Hi, if you record your name and reason for calling, I'll see if this person is available.",
        "record me your name and the reason for calling",
        "Please state your name and why you are calling",
        "This call is being answered by Call Assist by Google recording this call",
        "The person you're calling is using a screening service",
    ],
)
def test_call_screening(text: str) -> None:
    assert phrases.is_call_screening(text)


@pytest.mark.parametrize("text", ["Thanks. Please stay on the line.", "One moment", "Thanks", "Please hold"])
def test_what_a_screening_assistant_says_afterwards(text: str) -> None:
    assert phrases.is_screening_hold(text)


@pytest.mark.parametrize("text", ["Goodbye!", "okay bye", "Have a great day.", "Take care"])
def test_goodbyes(text: str) -> None:
    assert phrases.is_goodbye(text)


@pytest.mark.parametrize("text", ["Good, by what time?", "Shall I say goodbye?", "Buy one"])
def test_no_goodbyes(text: str) -> None:
    assert not phrases.is_goodbye(text)


@given(st.text(max_size=300))
def test_no_text_is_too_strange(text: str) -> None:
    for judge in (
        phrases.is_opt_out,
        phrases.is_back_channel,
        phrases.is_stop_word,
        phrases.is_greeting,
        phrases.asks_to_hold,
        phrases.asks_if_robot,
        phrases.is_voicemail_greeting,
        phrases.is_call_screening,
        phrases.is_screening_hold,
        phrases.is_goodbye,
    ):
        assert judge(text) in {True, False}


@given(st.sampled_from(["take me off your list", "stop calling me", "don't call me again"]), st.text(max_size=20))
def test_an_opt_out_survives_capitals_and_punctuation(words: str, noise: str) -> None:
    assert phrases.is_opt_out(words.upper() + "!")
    assert phrases.is_opt_out(words.replace(" ", "  ").replace("'", "’") + ".")
