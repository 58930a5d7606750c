"""What the agent says by itself, without the model: reprompts, holding, trouble, the sentence after a crash.

All are rendered before a campaign starts (`texts_to_render`), so they are spoken at once and even if the model or the
synthesiser is down. Texts may hold the script's placeholders.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from cadenza.domain.line import Line as Line
from cadenza.domain.script import Script

STANDARD_LINES: dict[Line, str] = {
    Line.REPROMPT: "Hello, are you still there?",
    Line.REPROMPT_AGAIN: "I can't hear you at the moment. Are you there?",
    Line.SILENCE_FAREWELL: "I still can't hear you, so I'll let you go. Goodbye.",
    Line.TAKE_YOUR_TIME: "Of course, take your time.",
    Line.STILL_THERE: "I'm still here. Would you like to go on?",
    Line.SAY_AGAIN: "Sorry, I missed that. Could you say it again?",
    Line.I_AM_AN_AI: "Yes, I'm an AI assistant calling for {agent_company}. Is it all right if I go on?",
    Line.REMOVED: "I'm sorry for the trouble. I have taken your number off our list, and we won't call again. Goodbye.",
    Line.RESUME: "Sorry, the line dropped for a moment. I'm back.",
    Line.RESUME_AND_ASK: "Sorry, the line dropped for a moment. Could you say that again, please?",
    Line.THINKING: "One moment, please.",
    Line.LET_ME_SEE: "Let me see.",
    Line.CHECKING: "One moment, let me check the calendar.",
    Line.CHECKING_TIMES: "Just a second, I'm looking at the times.",
    Line.STILL_CHECKING: "Just a moment longer.",
    Line.ALMOST_THERE: "I'm almost there, thanks for waiting.",
    Line.CONNECTING: "I'm connecting you now. One moment, please.",
    Line.NOT_CONNECTED_CALLBACK: "I'm sorry, nobody could take your call just now. When may we call you back?",
    Line.NOT_CONNECTED_APPOINTMENT: "I'm sorry, nobody could take your call just now. Shall I find a time for you?",
    Line.BACK_FROM_TRANSFER: "I'm back on the line. Is there anything else I can help you with?",
    Line.TIME_UP: "I have to let you go now. Thank you for your time. Goodbye.",
    Line.TROUBLE: "I'm sorry, I have a technical problem. I'll have to end the call here. Goodbye.",
}
"""The lines that scripts need not set; in another language than English, `lines` of the script does."""


ALL_RIGHT = "All right."
WHICH = "Which suits you better?"
WOULD_THAT = "Would that suit you?"
HAS_GONE = "I'm sorry, that time has just gone."
THEN = "Talk to you then!"
ANYTHING_ELSE = "Is there anything else I can help you with?"
RESULT_SENTENCES = (ALL_RIGHT, WHICH, WOULD_THAT, HAS_GONE, THEN, ANYTHING_ELSE)
"""What is always the same in a tool's result that the agent speaks without asking the model again (English only)."""

_NO_FIELDS: Mapping[str, Any] = MappingProxyType({})


def line_text(
    line: Line,
    script: Script,
    *,
    first_name: str = "",
    company: str = "",
    caller_id: str = "",
    custom: Mapping[str, Any] = _NO_FIELDS,
) -> str:
    """The words of a line in this campaign, for this lead."""
    template = (
        {
            Line.DISCLOSURE: script.disclosure,
            Line.OPENING: script.opening,
            Line.SCREENING_REPLY: script.screening_reply,
            Line.FAREWELL: script.farewell,
        }.get(line)
        or script.lines.get(line)
        or STANDARD_LINES[line]
    )
    return script.say(template, first_name=first_name, company=company, caller_id=caller_id, custom=custom)


def texts_to_render(
    script: Script,
    *,
    first_name: str = "",
    company: str = "",
    caller_id: str = "",
    custom: Mapping[str, Any] = _NO_FIELDS,
) -> Iterable[str]:
    """Every text that a call to this lead may speak from rendered audio, the voicemail included; no duplicates."""

    def say(text: str) -> str:
        return script.say(text, first_name=first_name, company=company, caller_id=caller_id, custom=custom)

    lines = [
        line_text(line, script, first_name=first_name, company=company, caller_id=caller_id, custom=custom)
        for line in Line
    ]
    approved = [say(objection.answer) for objection in script.objections]
    return dict.fromkeys([*lines, *approved, *script.openers, *RESULT_SENTENCES, say(script.voicemail)])
