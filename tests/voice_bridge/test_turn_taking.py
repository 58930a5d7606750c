"""Pins down who may speak: barge-in, back-channels, silence, holding, opting out, machines, screening, the end."""

import pytest

from cadenza.domain.outcomes import AnsweredBy
from cadenza.domain.standard_lines import Line
from tests.voice_bridge.talk import Talk
from voice_bridge import turn_events as events
from voice_bridge.turn_decisions import (
    Discard,
    EndCall,
    EndReason,
    Hear,
    Insert,
    Pause,
    ReportAnsweredBy,
    ReportOptOut,
    Resume,
    Speak,
    Think,
)
from voice_bridge.turn_rules import State, TurnRules

VOICEMAIL = "Hi, you have reached my voicemail. Please leave a message after the tone."
SCREENING = "Hi, if you record your name and reason for calling, I'll see if this person is available."


# --- The ordinary way ------------------------------------------------------------------------------------------------


def test_a_call_begins_with_the_disclosure_and_the_opening(talk: Talk) -> None:
    assert talk.start() == [Speak((Line.DISCLOSURE, Line.OPENING))]
    assert talk.state is State.OPENING


def test_after_the_greeting_the_floor_is_the_callees(greeted: Talk) -> None:
    assert greeted.state is State.LISTENING
    assert greeted.machine.disclosure_heard


def test_a_finished_turn_goes_to_the_model(greeted: Talk) -> None:
    assert greeted.words("Yes") == []
    assert greeted.state is State.CALLEE_SPEAKING
    assert Think("Yes, speaking.") in greeted.turn_end("Yes, speaking.")
    assert greeted.state is State.THINKING
    greeted.agent_starts()
    assert greeted.state is State.AGENT_SPEAKING


def test_the_first_turn_of_a_person_is_reported_once(greeted: Talk) -> None:
    greeted.turn("Yes, speaking.")
    greeted.reply()
    greeted.turn("Tell me more.")
    assert greeted.of(ReportAnsweredBy) == [ReportAnsweredBy(AnsweredBy.HUMAN)]


def test_the_callee_going_on_while_the_model_thinks_takes_the_turn_back(greeted: Talk) -> None:
    greeted.turn("Sorry, you have the wrong number.")
    assert greeted.words("There is nobody") == [Discard()]
    assert greeted.state is State.CALLEE_SPEAKING
    assert greeted.turn_end("There is nobody here by that name.") == [Think("There is nobody here by that name.")]


def test_a_back_channel_while_the_model_thinks_changes_nothing(greeted: Talk) -> None:
    greeted.turn("What does it cost?")
    assert greeted.words("yeah") == []
    assert greeted.turn_end("Yeah.") == [Hear("Yeah.")]
    assert greeted.state is State.THINKING


def test_a_hesitation_alone_is_no_turn(greeted: Talk) -> None:
    assert greeted.turn("Um.") == []


def test_an_end_of_turn_without_words_gives_the_floor_back(greeted: Talk) -> None:
    greeted.machine.state = State.CALLEE_SPEAKING
    assert greeted.turn_end("  ") == []
    assert greeted.state is State.LISTENING


def test_words_without_an_end_of_turn_become_a_turn(greeted: Talk) -> None:
    greeted.words("I have a question")
    assert Think("I have a question") in greeted.wait(4000)


def test_words_that_stall_under_a_voice_become_a_turn_later(greeted: Talk) -> None:
    greeted.tell(events.VoiceStarted(greeted.now))
    greeted.words("I have a question")
    assert greeted.wait(7000) == []
    assert Think("I have a question") in greeted.wait(1500)


# --- Interrupting ----------------------------------------------------------------------------------------------------


def test_two_words_interrupt(agent_speaking: Talk) -> None:
    assert agent_speaking.words("who are") == [Pause()]
    assert agent_speaking.state is State.INTERRUPTED


@pytest.mark.parametrize("word", ["stop", "Wait", "no", "Hang on"])
def test_a_stop_word_interrupts_at_once(agent_speaking: Talk, word: str) -> None:
    assert agent_speaking.words(word) == [Pause()]


def test_one_word_interrupts_when_the_voice_lasts(agent_speaking: Talk) -> None:
    agent_speaking.voice(300)
    assert agent_speaking.words("Tuesday") == []
    assert agent_speaking.wait(200) == [Pause()]


def test_one_word_after_a_long_voice_interrupts_at_once(agent_speaking: Talk) -> None:
    agent_speaking.voice(500)
    assert agent_speaking.words("Tuesday") == [Pause()]


@pytest.mark.parametrize("words", ["mm-hm", "Yeah.", "right", "okay, sure", "uh huh", "I see", "yeah yeah"])
def test_a_back_channel_does_not_stop_the_agent(agent_speaking: Talk, words: str) -> None:
    agent_speaking.voice(400)
    assert agent_speaking.words(words) == []
    agent_speaking.quiet()
    assert agent_speaking.turn_end(words) == []
    assert agent_speaking.wait(300) == []
    assert agent_speaking.state is State.AGENT_SPEAKING


def test_a_back_channel_lasting_long_does_not_stop_the_agent_either(agent_speaking: Talk) -> None:
    agent_speaking.tell(events.VoiceStarted(agent_speaking.now))
    agent_speaking.words("mm-hm")
    assert agent_speaking.wait(2000) == []


def test_a_voice_without_words_interrupts_after_a_while(agent_speaking: Talk) -> None:
    assert agent_speaking.voice(600) == []
    assert agent_speaking.wait(200) == [Pause()]


def test_an_interruption_with_real_words_discards_the_rest_and_is_answered(agent_speaking: Talk) -> None:
    agent_speaking.words("what does it")
    made = agent_speaking.turn_end("What does it cost?")
    assert made == [Discard(), Think("What does it cost?")]


def test_a_whole_turn_of_one_word_interrupts_too(agent_speaking: Talk) -> None:
    assert agent_speaking.turn("What?") == [Discard(), Think("What?")]


def test_a_false_interruption_goes_on_where_the_agent_stopped(agent_speaking: Talk) -> None:
    agent_speaking.voice(800)
    assert agent_speaking.state is State.INTERRUPTED
    agent_speaking.quiet()
    assert agent_speaking.wait(1600) == [Resume()]
    assert agent_speaking.state is State.AGENT_SPEAKING


def test_after_a_false_interruption_only_words_interrupt(agent_speaking: Talk) -> None:
    agent_speaking.voice(800)
    agent_speaking.quiet()
    agent_speaking.wait(1600)
    assert agent_speaking.voice(3000) == []
    assert agent_speaking.words("excuse me") == [Pause()]


def test_noise_that_does_not_end_does_not_keep_the_agent_silent(agent_speaking: Talk) -> None:
    agent_speaking.voice(800)
    assert Resume() in agent_speaking.wait(4100)


def test_an_interruption_that_turns_out_to_be_a_back_channel_goes_on(agent_speaking: Talk) -> None:
    agent_speaking.voice(800)
    assert agent_speaking.turn_end("Okay.") == [Resume()]


def test_an_interruption_whose_end_is_lost_is_answered(agent_speaking: Talk) -> None:
    agent_speaking.words("what does it cost")
    made = agent_speaking.wait(4000)
    assert made == [Discard(), Think("what does it cost")]


def test_an_empty_end_of_turn_after_an_interruption_goes_on(agent_speaking: Talk) -> None:
    agent_speaking.voice(800)
    assert agent_speaking.turn_end("") == [Resume()]


def test_a_yes_just_before_the_agent_ends_is_its_answer(agent_speaking: Talk) -> None:
    agent_speaking.turn("Yes.")
    agent_speaking.wait(500)
    assert agent_speaking.agent_done() == [Think("Yes.")]


def test_a_yes_long_before_the_agent_ends_is_none(agent_speaking: Talk) -> None:
    agent_speaking.turn("Yeah.")
    agent_speaking.wait(3000)
    assert agent_speaking.agent_done() == []
    assert agent_speaking.state is State.LISTENING


def test_words_that_are_under_way_when_the_agent_ends_are_waited_for(agent_speaking: Talk) -> None:
    agent_speaking.words("Tuesday")
    agent_speaking.agent_done()
    assert agent_speaking.state is State.CALLEE_SPEAKING
    assert agent_speaking.turn_end("Tuesday.") == [Think("Tuesday.")]


# --- The greeting ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hello", ["Hello?", "Yes?", "Hi, Dave speaking", "Good morning", "Hello, hello?"])
def test_a_hello_does_not_stop_the_greeting(talk: Talk, hello: str) -> None:
    talk.start()
    talk.agent_starts()
    talk.wait(500)
    talk.voice(700)
    assert talk.turn(hello) == []
    assert talk.state is State.OPENING


def test_a_voice_alone_does_not_stop_the_greeting(talk: Talk) -> None:
    talk.start()
    talk.agent_starts()
    assert talk.voice(3000) == []


def test_a_disclosure_that_was_cut_is_repeated_before_the_answer(talk: Talk) -> None:
    talk.start()
    talk.agent_starts()
    talk.wait(1500)
    talk.words("Sorry, hold on, who is this")
    made = talk.turn_end("Sorry, hold on, who is this?")
    assert Think("Sorry, hold on, who is this?", lead_in=(Line.DISCLOSURE,)) in made


def test_a_disclosure_that_was_heard_is_not_repeated(talk: Talk) -> None:
    talk.start()
    talk.agent_starts()
    talk.heard(Line.DISCLOSURE)
    assert Think("Who is this?") in talk.turn("Who is this?")


def test_the_disclosure_is_repeated_until_it_was_heard_but_not_for_ever(talk: Talk) -> None:
    talk.start()
    talk.agent_starts()
    for number in range(8):
        talk.turn(f"But what is it {number}?")
        talk.agent_starts()
    assert talk.lines.count(Line.DISCLOSURE) == TurnRules().max_disclosures


def test_a_false_interruption_of_the_greeting_leaves_it_the_greeting(talk: Talk) -> None:
    talk.start()
    talk.agent_starts()
    talk.words("excuse me")
    talk.turn_end("yes")
    assert talk.state is State.OPENING
    assert talk.of(Resume) == [Resume()]


# --- Turns that need no model ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    ["Take me off your list.", "Don't call me again", "stop calling me please", "Remove my number from your database"],
)
def test_an_opt_out_is_acted_on_without_the_model(greeted: Talk, words: str) -> None:
    made = greeted.turn(words)
    assert made == [Hear(words), ReportOptOut(words), Speak((Line.REMOVED,))]
    assert greeted.agent_done() == [EndCall(EndReason.OPTED_OUT)]


def test_an_opt_out_that_the_recogniser_cut_in_two_is_one(greeted: Talk) -> None:
    assert greeted.turn("Please take me")[-1] == Think("Please take me")
    assert ReportOptOut("off your list.") in greeted.turn("off your list.")


def test_two_halves_with_an_answer_in_between_are_none(greeted: Talk) -> None:
    greeted.turn("Please take me")
    greeted.reply()
    assert Think("off your list.") in greeted.turn("off your list.")


def test_an_opt_out_during_the_greeting_ends_the_call(talk: Talk) -> None:
    talk.start()
    talk.agent_starts()
    made = talk.turn("Take me off your list!")
    assert made[:2] == [Pause(), Hear("Take me off your list!")]
    assert talk.of(ReportOptOut) and Discard() in made and made[-1] == Speak((Line.REMOVED,))


KEYPAD = ReportOptOut("", by_keypad=True)


def test_the_opt_out_key_ends_the_call_like_the_words(greeted: Talk) -> None:
    greeted.turn("What do you sell?")
    greeted.agent_starts()
    made = greeted.tell(events.KeyPressed(greeted.now, "9"))
    assert made == [KEYPAD, Discard(), Speak((Line.REMOVED,))]
    greeted.agent_starts()
    assert greeted.agent_done() == [EndCall(EndReason.OPTED_OUT)]


@pytest.mark.parametrize(("rules", "key"), [(TurnRules(), "8"), (TurnRules(opt_out_key=None), "9")])
def test_other_keys_change_nothing(rules: TurnRules, key: str) -> None:
    talk = Talk(rules)
    talk.greet()
    assert talk.tell(events.KeyPressed(talk.now, key)) == []


def test_the_opt_out_key_counts_over_our_farewell_and_in_a_machine_s_ear(greeted: Talk) -> None:
    greeted.turn("Thanks, bye.")
    greeted.agent_starts()
    greeted.tell(events.EndRequested(greeted.now))
    assert greeted.tell(events.KeyPressed(greeted.now, "9")) == [KEYPAD]
    assert greeted.tell(events.KeyPressed(greeted.now, "9")) == [], "once is enough"
    machine = Talk()
    machine.start(machine=True)
    assert machine.tell(events.KeyPressed(machine.now, "9")) == [KEYPAD, Speak((Line.REMOVED,))]


def test_an_opt_out_while_a_tool_runs_is_acted_on(greeted: Talk) -> None:
    greeted.turn("Tuesday works.")
    greeted.tell(events.ToolStarted(greeted.now))
    assert ReportOptOut("No, don't call me again.") in greeted.turn("No, don't call me again.")


def test_an_opt_out_over_our_farewell_is_still_an_opt_out(greeted: Talk) -> None:
    greeted.turn("No thanks.")
    greeted.agent_starts()
    greeted.tell(events.EndRequested(greeted.now))
    assert ReportOptOut("And never call me again.") in greeted.turn("And never call me again.")
    assert greeted.agent_done() == [EndCall(EndReason.OPTED_OUT)]


def test_an_opt_out_that_the_model_understood_ends_the_call_after_its_words(greeted: Talk) -> None:
    greeted.turn("I'd rather not hear from you people.")
    greeted.tell(events.OptedOutByTool(greeted.now))
    assert greeted.reply() == [EndCall(EndReason.OPTED_OUT)]


def test_an_opt_out_by_the_model_without_words_is_confirmed(greeted: Talk) -> None:
    greeted.turn("I'd rather not hear from you people.")
    greeted.tell(events.OptedOutByTool(greeted.now))
    assert greeted.tell(events.ReplyFailed(greeted.now)) == [Speak((Line.REMOVED,))]


def test_the_question_for_a_robot_is_answered_truthfully_at_once(greeted: Talk) -> None:
    made = greeted.turn("Wait, are you a robot?")
    assert made[-2:] == [Hear("Wait, are you a robot?"), Speak((Line.I_AM_AN_AI,))]


def test_a_long_turn_with_that_question_goes_to_the_model(greeted: Talk) -> None:
    text = "Are you a robot, and how did you people get hold of my number in the first place?"
    assert Think(text) in greeted.turn(text)


def test_hold_on_is_held(greeted: Talk) -> None:
    made = greeted.turn("Hold on a second, please.")
    assert made[-1] == Speak((Line.TAKE_YOUR_TIME,))
    greeted.agent_done()
    assert greeted.wait(55_000) == []
    assert greeted.state is State.HOLDING
    assert greeted.wait(6000) == [Speak((Line.STILL_THERE,))]


def test_who_comes_back_from_holding_is_answered(greeted: Talk) -> None:
    greeted.turn("One moment.")
    greeted.agent_done()
    greeted.wait(10_000)
    assert greeted.turn("Okay, I'm back.") == [Think("Okay, I'm back.")]


def test_who_speaks_into_take_your_time_is_answered(greeted: Talk) -> None:
    greeted.turn("One moment.")
    assert greeted.turn("Okay, go on then please.") == [Discard(), Think("Okay, go on then please.")]


# --- Silence ---------------------------------------------------------------------------------------------------------


def test_silence_is_asked_about_twice_and_then_ended(greeted: Talk) -> None:
    assert greeted.wait(5900) == []
    assert greeted.wait(200) == [Speak((Line.REPROMPT,))]
    greeted.reply()
    assert greeted.wait(8000) == [Speak((Line.REPROMPT_AGAIN,))]
    greeted.reply()
    assert greeted.wait(8000) == [Speak((Line.SILENCE_FAREWELL,))]
    assert greeted.reply() == [EndCall(EndReason.SILENCE)]


def test_an_answer_starts_the_patience_anew(greeted: Talk) -> None:
    greeted.wait(6100)
    greeted.reply()
    greeted.turn("Sorry, yes, I am here.")
    greeted.reply()
    assert greeted.wait(6100)[0] == Speak((Line.REPROMPT,))


def test_a_voice_holds_the_reprompt_back_for_a_while_only(greeted: Talk) -> None:
    greeted.wait(5500)
    assert greeted.voice(1500) == []
    assert greeted.wait(3000) == [Speak((Line.REPROMPT,))]


def test_a_person_silent_after_talking_is_no_machine(greeted: Talk) -> None:
    greeted.turn("Yes?")
    greeted.reply()
    greeted.wait(60_000)
    assert greeted.machine.end_reason in {None, EndReason.SILENCE}


# --- Machines --------------------------------------------------------------------------------------------------------


def test_a_voicemail_greeting_silences_the_agent_and_is_reported(talk: Talk) -> None:
    talk.start()
    talk.agent_starts()
    talk.wait(500)
    talk.words("Hi you")
    made = talk.words("Hi, you have reached my voicemail")
    assert made == [Discard(), ReportAnsweredBy(AnsweredBy.MACHINE_START)]
    assert talk.state is State.MACHINE


def test_the_beep_is_reported_after_the_greeting(talk: Talk) -> None:
    talk.start()
    talk.words(VOICEMAIL)
    assert talk.tell(events.Beep(talk.now)) == [ReportAnsweredBy(AnsweredBy.MACHINE_END_BEEP)]
    assert talk.tell(events.Beep(talk.now)) == []


def test_without_a_beep_silence_ends_the_greeting(talk: Talk) -> None:
    talk.start()
    talk.words(VOICEMAIL)
    assert talk.wait(4100) == [ReportAnsweredBy(AnsweredBy.MACHINE_END_SILENCE)]
    assert talk.wait(20_000) == []


def test_the_agent_stays_silent_with_a_machine_and_the_call_ends_by_itself(talk: Talk) -> None:
    talk.start()
    talk.words(VOICEMAIL)
    talk.tell(events.Beep(talk.now))
    said = len(talk.of(Speak))
    made = talk.wait(95_000)
    assert made == [EndCall(EndReason.MACHINE)]
    assert len(talk.of(Speak)) == said and not talk.of(Think)


def test_a_greeting_in_pieces_is_still_a_greeting(talk: Talk) -> None:
    talk.start()
    talk.agent_starts()
    talk.turn("Hi, this is Dave's phone.")
    assert ReportAnsweredBy(AnsweredBy.MACHINE_START) in talk.turn("Please leave a message.")


def test_a_beep_after_a_hello_is_a_person_whose_phone_records_calls(talk: Talk) -> None:
    talk.start()
    talk.agent_starts()
    talk.turn("Hello?")
    assert talk.tell(events.Beep(talk.now)) == []


def test_a_beep_after_an_unusual_greeting_is_a_machine(talk: Talk) -> None:
    talk.start()
    talk.agent_starts()
    talk.turn("You know what to do.")
    made = talk.tell(events.Beep(talk.now))
    assert [decision.answered_by for decision in made if isinstance(decision, ReportAnsweredBy)] == [
        AnsweredBy.MACHINE_START,
        AnsweredBy.MACHINE_END_BEEP,
    ]


def test_a_beep_in_the_middle_of_a_talk_is_nothing(greeted: Talk) -> None:
    for text in ("Yes.", "Tell me more.", "What is it about?"):
        greeted.turn(text)
        greeted.reply()
    assert greeted.tell(events.Beep(greeted.now)) == []


def test_talk_of_voicemail_later_in_the_call_is_no_machine(greeted: Talk) -> None:
    for text in ("Yes.", "Tell me more.", "What is it about?"):
        greeted.turn(text)
        greeted.reply()
    text = "Please leave a message after the tone, that is what your people always hear."
    assert Think(text) in greeted.turn(text)


@pytest.mark.parametrize(
    "text",
    [
        "Would you like to leave a message?",
        "He is not available at the moment.",
        "Can I take a message for her?",
        "I'm not available right now, who is this?",
        "Good morning, Harper and Sons, how can I help you?",
    ],
)
def test_a_person_is_no_machine(greeted: Talk, text: str) -> None:
    assert Think(text) in greeted.turn(text)


def test_a_monologue_without_end_is_a_machine(greeted: Talk) -> None:
    greeted.tell(events.VoiceStarted(greeted.now))
    for second in range(14):
        greeted.words("word " * (second + 3))
        greeted.wait(1000)
    assert ReportAnsweredBy(AnsweredBy.MACHINE_START) in greeted.decisions


def test_the_machines_words_are_kept(talk: Talk) -> None:
    talk.start()
    assert Hear(VOICEMAIL) in talk.tell(events.TurnEnded(talk.now, VOICEMAIL))
    assert talk.turn_end("Goodbye.") == [Hear("Goodbye.")]


# --- Screening -------------------------------------------------------------------------------------------------------


def screened() -> Talk:
    talk = Talk()
    talk.start()
    talk.agent_starts()
    talk.wait(500)
    talk.words("Hi, if you record your name and reason for")
    talk.turn_end(SCREENING)
    return talk


def test_a_screening_assistant_gets_one_sentence_when_it_has_finished(talk: Talk) -> None:
    talk.start()
    talk.agent_starts()
    talk.wait(500)
    talk.tell(events.VoiceStarted(talk.now))
    made = talk.words("Hi, if you record your name and reason for")
    assert made == [Discard(), ReportAnsweredBy(AnsweredBy.SCREENING)]
    assert talk.wait(3000) == []
    assert talk.turn_end(SCREENING) == [Hear(SCREENING), Speak((Line.SCREENING_REPLY,))]


def test_the_screening_reply_comes_even_without_an_end_of_turn(talk: Talk) -> None:
    talk.start()
    talk.words("Please say your name and the reason for your call")
    assert talk.wait(1600)[-1] == Speak((Line.SCREENING_REPLY,))


def test_the_request_to_stay_on_the_line_gets_no_reply() -> None:
    talk = screened()
    talk.agent_done()
    assert talk.turn("Thanks. Please stay on the line.") == [Hear("Thanks. Please stay on the line.")]
    assert talk.turn("Thanks.") == [Hear("Thanks.")]
    assert talk.turn(SCREENING) == [Hear(SCREENING)]


def test_nobody_joining_ends_the_call_as_screened() -> None:
    talk = screened()
    talk.agent_done()
    assert talk.wait(44_000) == []
    assert talk.wait(1200) == [EndCall(EndReason.SCREENED)]


def test_a_person_who_joins_hears_the_whole_greeting_again() -> None:
    talk = screened()
    talk.agent_done()
    talk.wait(5000)
    assert talk.turn("Hello?")[-1] == Speak((Line.DISCLOSURE, Line.OPENING))
    assert talk.state is State.OPENING


def test_a_mailbox_behind_the_screening_is_a_machine() -> None:
    talk = screened()
    talk.agent_done()
    assert ReportAnsweredBy(AnsweredBy.MACHINE_START) in talk.turn(VOICEMAIL)


def test_a_screening_reply_that_could_not_be_spoken_still_waits_and_ends() -> None:
    talk = screened()
    talk.tell(events.ReplyFailed(talk.now))
    assert talk.wait(46_000) == [EndCall(EndReason.SCREENED)]


# --- Tools, fillers, failures ----------------------------------------------------------------------------------------


def test_a_slow_tool_gets_a_filler_and_later_another_one(greeted: Talk) -> None:
    greeted.turn("What times do you have?")
    greeted.tell(events.ToolStarted(greeted.now))
    assert greeted.wait(700) == []
    assert greeted.wait(200) == [Insert(Line.CHECKING)]
    assert greeted.wait(5000) == [Insert(Line.STILL_CHECKING)]
    assert greeted.wait(20_000) == []


def test_a_quick_tool_gets_none(greeted: Talk) -> None:
    greeted.turn("What times do you have?")
    greeted.tell(events.ToolStarted(greeted.now))
    greeted.wait(500)
    greeted.tell(events.ToolFinished(greeted.now))
    assert greeted.wait(1500) == []


def test_a_filler_waits_for_the_agents_own_words(greeted: Talk) -> None:
    greeted.turn("What times do you have?")
    greeted.agent_starts(2000)
    greeted.tell(events.ToolStarted(greeted.now))
    assert greeted.wait(2500) == []
    assert greeted.wait(500) == [Insert(Line.CHECKING)]


def test_words_during_a_tool_do_not_stop_it(greeted: Talk) -> None:
    greeted.turn("Tuesday, please.")
    greeted.tell(events.ToolStarted(greeted.now))
    assert greeted.turn("And put Dana on it as well.") == [Hear("And put Dana on it as well.")]
    assert greeted.state is State.THINKING


def test_words_into_a_filler_pause_it_and_leave_the_tool_alone(greeted: Talk) -> None:
    greeted.turn("Tuesday, please.")
    greeted.tell(events.ToolStarted(greeted.now))
    greeted.wait(900)
    greeted.agent_starts()
    assert greeted.words("and put Dana") == [Pause()]
    assert greeted.turn_end("And put Dana on it.") == [Hear("And put Dana on it."), Resume()]


def test_a_tool_that_never_ends_ends_the_call_politely(greeted: Talk) -> None:
    greeted.turn("Tuesday, please.")
    greeted.tell(events.ToolStarted(greeted.now))
    greeted.wait(76_000)
    assert greeted.lines[-1] is Line.TROUBLE


def test_a_slow_model_gets_a_filler(greeted: Talk) -> None:
    greeted.turn("What is it about?")
    assert greeted.wait(2600) == [Insert(Line.THINKING)]
    assert greeted.wait(3000) == []


def test_a_reply_that_never_comes_ends_the_call_politely(greeted: Talk) -> None:
    greeted.turn("What is it about?")
    greeted.wait(25_100)
    assert greeted.lines[-1] is Line.TROUBLE
    assert greeted.agent_done() == [EndCall(EndReason.TROUBLE)]


def test_one_failed_reply_asks_again_and_the_second_ends_the_call(greeted: Talk) -> None:
    greeted.turn("What is it about?")
    assert greeted.tell(events.ReplyFailed(greeted.now)) == [Speak((Line.SAY_AGAIN,))]
    greeted.tell(events.ReplyFailed(greeted.now))
    assert greeted.lines[-1] is Line.TROUBLE
    assert greeted.tell(events.ReplyFailed(greeted.now)) == [EndCall(EndReason.TROUBLE)]


def test_being_asked_again_does_not_make_a_second_failure_the_first(greeted: Talk) -> None:
    greeted.turn("What is it about?")
    greeted.tell(events.ReplyFailed(greeted.now))
    greeted.reply()
    greeted.turn("I said: what is it about?")
    assert greeted.tell(events.ReplyFailed(greeted.now)) == [Speak((Line.TROUBLE,))]


def test_a_reply_that_works_makes_up_for_a_failure(greeted: Talk) -> None:
    greeted.turn("What is it about?")
    greeted.tell(events.ReplyFailed(greeted.now))
    greeted.reply()
    greeted.turn("I said: what is it about?")
    greeted.reply()
    greeted.turn("I see. And then?")
    assert greeted.tell(events.ReplyFailed(greeted.now)) == [Speak((Line.SAY_AGAIN,))]


def test_a_farewell_that_cannot_be_said_is_replaced_by_the_rendered_one(agent_speaking: Talk) -> None:
    agent_speaking.tell(events.EndRequested(agent_speaking.now))
    assert agent_speaking.tell(events.ReplyFailed(agent_speaking.now)) == [Speak((Line.FAREWELL,))]
    assert agent_speaking.tell(events.ReplyFailed(agent_speaking.now)) == [EndCall(EndReason.AGENT_SAID_GOODBYE)]


def test_deaf_ears_end_the_call_politely(greeted: Talk) -> None:
    assert greeted.tell(events.RecogniserLost(greeted.now)) == [Speak((Line.TROUBLE,))]


def test_deaf_ears_do_not_matter_to_a_machine(talk: Talk) -> None:
    talk.start()
    talk.words(VOICEMAIL)
    assert talk.tell(events.RecogniserLost(talk.now)) == []


# --- Ending ----------------------------------------------------------------------------------------------------------


def test_the_call_ends_when_the_farewell_was_played(agent_speaking: Talk) -> None:
    assert agent_speaking.tell(events.EndRequested(agent_speaking.now)) == []
    assert agent_speaking.state is State.ENDING
    assert agent_speaking.agent_done() == [EndCall(EndReason.AGENT_SAID_GOODBYE)]


def test_thanks_and_goodbye_over_the_farewell_change_nothing(agent_speaking: Talk) -> None:
    agent_speaking.tell(events.EndRequested(agent_speaking.now))
    assert agent_speaking.turn("Thanks, bye!") == [Hear("Thanks, bye!")]


def test_a_question_over_the_farewell_is_answered_once(agent_speaking: Talk) -> None:
    agent_speaking.tell(events.EndRequested(agent_speaking.now))
    assert agent_speaking.turn("Wait, what time was it?") == [Discard(), Think("Wait, what time was it?")]
    agent_speaking.agent_starts()
    agent_speaking.tell(events.EndRequested(agent_speaking.now))
    assert agent_speaking.turn("Wait, what?") == [Hear("Wait, what?")]


def test_a_goodbye_without_the_tool_ends_the_call_soon(greeted: Talk) -> None:
    greeted.turn("No thank you.")
    greeted.reply(said_goodbye=True)
    assert greeted.wait(2600) == [EndCall(EndReason.AGENT_SAID_GOODBYE)]


def test_a_goodbye_that_is_returned_ends_the_call_at_once(greeted: Talk) -> None:
    greeted.turn("No thank you.")
    greeted.reply(said_goodbye=True)
    assert greeted.turn("Okay, bye.") == [Hear("Okay, bye."), EndCall(EndReason.AGENT_SAID_GOODBYE)]


def test_a_question_after_the_goodbye_is_answered(greeted: Talk) -> None:
    greeted.turn("No thank you.")
    greeted.reply(said_goodbye=True)
    assert greeted.turn("Actually, what is it about?") == [Think("Actually, what is it about?")]


def test_a_farewell_that_is_never_played_ends_the_call_anyhow(agent_speaking: Talk) -> None:
    agent_speaking.tell(events.EndRequested(agent_speaking.now))
    agent_speaking.wait(26_000)
    assert agent_speaking.is_over


def test_a_long_call_is_wrapped_up_and_then_ended() -> None:
    talk = Talk(TurnRules(wrap_up_ms=60_000, max_call_ms=120_000))
    talk.greet()
    talk.wait(5000)
    while talk.now < 62_000:
        talk.turn("Tell me more.")
        talk.reply()
    assert Think("And then?", wrap_up=True) in talk.turn("And then?")
    talk.reply()
    while not talk.of(Speak) or talk.lines[-1] is not Line.TIME_UP:
        talk.turn("Tell me more.")
        talk.reply()
        assert talk.now < 120_000
    assert talk.agent_done() in ([EndCall(EndReason.TIME_LIMIT)], [])
    assert talk.is_over


def test_a_hang_up_ends_everything(agent_speaking: Talk) -> None:
    assert agent_speaking.tell(events.HungUp(agent_speaking.now)) == []
    assert agent_speaking.is_over
    assert agent_speaking.turn("Hello?") == []
