"""The named states of a conversation, and every number of turn-taking."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where a conversation is."""

    OPENING = "opening"  # the greeting is being played
    LISTENING = "listening"  # the floor is open
    CALLEE_SPEAKING = "callee_speaking"
    THINKING = "thinking"  # the callee's turn is with the model, nothing of the reply is heard yet
    AGENT_SPEAKING = "agent_speaking"
    INTERRUPTED = "interrupted"  # the agent fell silent; was it meant?
    HOLDING = "holding"  # the callee asked for a moment
    SCREENING = "screening"  # a screening assistant has the line
    MACHINE = "machine"  # a mailbox has the line: stay silent, report, wait
    ENDING = "ending"  # the last words are being played
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class TurnRules:
    """Every number of turn-taking, in milliseconds. Sources: DESIGN, outbound-domain §3.3, §4.3, §4.4."""

    reprompt_ms: int = 6000
    second_reprompt_ms: int = 8000
    give_up_ms: int = 8000  # of silence after the second reprompt
    hold_ms: int = 60_000
    wrap_up_ms: int = 420_000
    max_call_ms: int = 600_000
    last_words_ms: int = 12_000  # kept free before the hard limit for the farewell
    interrupting_words: int = 2
    interrupting_voice_ms: int = 450  # with one real word
    voice_without_words_ms: int = 700  # the recogniser's first words come up to 300 ms after the voice
    false_interruption_ms: int = 1500  # without a word after the voice stopped
    noise_ms: int = 4000  # voice that goes on without a word is noise
    lost_turn_end_ms: int = 3500  # words, then neither voice nor an end of turn
    stalled_words_ms: int = 8000  # voice goes on, the words do not
    dictation_pause_ms: int = 2500  # inside a number or an address that is being spelled
    longest_dictation_ms: int = 30_000
    speculates: bool = True
    most_speculations: int = 3  # in one turn of the callee
    longest_speculation_ms: int = 10_000  # a longer turn seldom ends where it pauses
    echoes_of_a_line: int = 2  # whole turns of the agent's own words: from then on short ones are doubted too
    echo_tail_ms: int = 1500  # an echo's last words come so late after the agent's
    unheard_after_ms: int = 1500  # a second "hello?" so long into the greeting: the callee does not hear us
    early_answer_ms: int = 1500  # "yeah" so shortly before the agent's end is its answer
    filler_ms: int = 800  # of a tool that takes long
    second_filler_ms: int = 5000
    slow_reply_ms: int = 2500  # without a tool
    reply_limit_ms: int = 25_000
    tool_limit_ms: int = 75_000
    parting_ms: int = 2500  # after the agent said goodbye by itself
    monologue_ms: int = 12_000  # nobody answers the phone with a speech of this length
    early_ms: int = 60_000  # machines and screening are looked for this long
    early_turns: int = 2
    greeting_words: int = 4  # with a beep behind them: a mailbox, whatever the words
    screening_wait_ms: int = 45_000
    screening_reply_after_ms: int = 1500  # of silence, if the recogniser gives no end of turn
    longest_screening_ms: int = 15_000  # of talk before the reply
    machine_silence_ms: int = 4000  # after the greeting, if there is no beep
    machine_limit_ms: int = 90_000
    ending_limit_ms: int = 25_000
    drain_ms: int = 6000  # of the agent's talk, before a call is handed over in mid-sentence
    drain_callee_ms: int = 15_000  # of the callee's
    words_behind_voice_ms: int = 1500  # the recogniser's words come so late, at most, after the voice has stopped
    max_disclosures: int = 4
    opt_out_key: str | None = "9"
