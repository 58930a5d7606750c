"""The names of what the agent says by itself, without the model."""

from enum import StrEnum


class Line(StrEnum):
    """One fixed thing to say. The values are stable: they are written to the journal."""

    DISCLOSURE = "disclosure"
    OPENING = "opening"
    SCREENING_REPLY = "screening_reply"
    FAREWELL = "farewell"
    REPROMPT = "reprompt"
    REPROMPT_AGAIN = "reprompt_again"
    SILENCE_FAREWELL = "silence_farewell"
    TAKE_YOUR_TIME = "take_your_time"
    STILL_THERE = "still_there"
    SAY_AGAIN = "say_again"
    I_AM_AN_AI = "i_am_an_ai"
    REMOVED = "removed"
    RESUME = "resume"
    RESUME_AND_ASK = "resume_and_ask"
    THINKING = "thinking"
    LET_ME_SEE = "let_me_see"
    CHECKING = "checking"
    CHECKING_TIMES = "checking_times"
    STILL_CHECKING = "still_checking"
    ALMOST_THERE = "almost_there"
    CONNECTING = "connecting"
    NOT_CONNECTED_CALLBACK = "not_connected_callback"
    NOT_CONNECTED_APPOINTMENT = "not_connected_appointment"
    BACK_FROM_TRANSFER = "back_from_transfer"
    TIME_UP = "time_up"
    TROUBLE = "trouble"
