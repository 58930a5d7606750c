"""What people answer: each character's lines, and the rule that picks the next one.

A mind knows words only; when to speak, back off or hang up is the person's part (person.py).
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from rehearsal.people.characters import Character
from rehearsal.people.understanding import Meaning, offered_days


@dataclass(frozen=True, slots=True)
class Reply:
    """What to say; with `leave`, hang up afterwards. An empty text is a deliberate silence."""

    text: str
    leave: str | None = None


@dataclass(frozen=True, slots=True)
class Manner:
    """A character in words. `lines` are said first, one for each turn of the agent."""

    hello: str = "Hello?"
    lines: tuple[str, ...] = ()
    answers_to_name_first: bool = True
    interested: bool = True
    farewell: str = "Okay, goodbye."
    call_again: str = "Tomorrow at ten in the morning, please."
    """The answer to when they may be called; whoever wants a callback repeats it until it is promised."""
    leaves_because: str = "said goodbye"


_MANNERS: dict[Character, Manner] = {
    Character.OBJECTS: Manner(
        lines=("How much does it cost? It sounds expensive.", "I don't really have time for this right now.")
    ),
    Character.CALLBACK_SOON: Manner(
        lines=("Sorry, this is a bad moment. Can you call me back in thirty seconds?",),
        answers_to_name_first=False,
        interested=False,
        farewell="Great, talk to you then. Bye.",
        call_again="In thirty seconds, please.",
        leaves_because="wants a callback",
    ),
    Character.CALLBACK_TOMORROW: Manner(
        lines=("I can't talk now. Can you call me back tomorrow at three in the afternoon?",),
        answers_to_name_first=False,
        interested=False,
        farewell="Perfect, talk to you tomorrow. Bye.",
        call_again="Tomorrow at three in the afternoon, please.",
        leaves_because="wants a callback",
    ),
    Character.NOT_INTERESTED: Manner(
        lines=("No thanks, I'm not interested.", "No, really, I'm not interested."),
        answers_to_name_first=False,
        interested=False,
        leaves_because="not interested",
    ),
    Character.DO_NOT_CALL: Manner(
        lines=("Please take me off your list and don't call me again.",),
        answers_to_name_first=False,
        interested=False,
        farewell="Thank you. Goodbye.",
        leaves_because="do not call",
    ),
    Character.WRONG_NUMBER: Manner(
        lines=("Sorry, you have the wrong number. There is nobody here by that name.",),
        answers_to_name_first=False,
        interested=False,
        farewell="No problem. Bye.",
        leaves_because="wrong number",
    ),
    Character.GATEKEEPER: Manner(
        hello="Harper and Sons, can I help you?",  # longer than 2.4 s would be a machine to Twilio
        lines=("I'm afraid they are in a meeting. Who is calling please?", "I'll pass on that you called."),
        answers_to_name_first=False,
        interested=False,
        leaves_because="gatekeeper",
    ),
    Character.WANTS_A_PERSON: Manner(lines=("I would rather talk to a real person, can you put me through?",)),
    Character.ASKS_ROBOT: Manner(lines=("Wait, are you a robot?",), answers_to_name_first=False),
}
_INTEREST = (
    "Yes, sure, I have a minute.",
    "That sounds interesting. When could we meet?",
    "Yes, I would like that. What times do you have?",
    "Could you just give me a time?",
)
_EMAIL = "It's alex at example dot com."
_INSISTS = 3  # times that somebody who wants a callback asks for it again before giving up
INTERRUPTION = "Sorry, hold on, who is this and what is it about?"


class Mind:
    """Picks the next reply of one person in one call."""

    def __init__(self, character: Character, random: Random) -> None:
        self.manner = _MANNERS.get(character, Manner())
        self._random = random
        self._said_lines = 0
        self._said_interest = 0
        self._named = False
        self._insisted = 0

    def reply(self, meaning: Meaning, text: str) -> Reply:
        """The answer to a turn of the agent that means `meaning`."""
        manner = self.manner
        if meaning is Meaning.WAIT:
            return Reply("")
        if meaning is Meaning.GOODBYE and (manner.interested or self._said_lines):
            return Reply("Bye.", leave="the agent said goodbye")
        if meaning is Meaning.ASKS_NAME and manner.answers_to_name_first and not self._named:
            self._named = True
            return Reply("Yes, speaking.")
        if self._said_lines < len(manner.lines) and meaning is not Meaning.BOOKED:
            self._said_lines += 1
            return Reply(manner.lines[self._said_lines - 1])
        return self._interested(meaning, text) if manner.interested else self._leaving(meaning)

    def _leaving(self, meaning: Meaning) -> Reply:
        if self.manner.leaves_because == "wants a callback" and self._insisted < _INSISTS:
            self._insisted += 1
            if meaning is Meaning.ASKS_TO_CONFIRM:
                return Reply("Yes, please.")
            if meaning not in {Meaning.PROMISES_CALLBACK, Meaning.STATEMENT, Meaning.BOOKED}:
                return Reply(self.manner.call_again)
        return Reply(self.manner.farewell, leave=self.manner.leaves_because)

    def _interested(self, meaning: Meaning, text: str) -> Reply:
        choose: dict[Meaning, Callable[[], Reply]] = {
            Meaning.BOOKED: lambda: Reply("Perfect, thank you. Goodbye.", leave="booked"),
            Meaning.ANYTHING_ELSE: lambda: Reply("No, that's all, thank you. Bye.", leave="nothing else"),
            Meaning.ASKS_EMAIL: lambda: Reply(_EMAIL),
            Meaning.ASKS_WHEN_TO_CALL: lambda: Reply(self.manner.call_again),
            Meaning.PROMISES_CALLBACK: lambda: Reply("Okay, thanks. Bye.", leave="will be called again"),
            Meaning.OFFERS_TIMES: lambda: Reply(self._choice(text)),
            Meaning.ASKS_TO_CONFIRM: lambda: Reply("Yes, that works for me."),
            Meaning.STATEMENT: lambda: Reply("Okay."),
        }
        return choose.get(meaning, self._next_interest)()

    def _choice(self, text: str) -> str:
        days = offered_days(text)
        if len(days) < 2:
            return "Yes, that works for me."
        choice = 0 if self._random.random() < 0.7 else 1
        if days[0] != days[1] and self._random.random() < 0.5:
            return f"{days[choice].capitalize()} works for me."
        return ("The first one works for me.", "The second one is better for me.")[choice]

    def _next_interest(self) -> Reply:
        line = _INTEREST[min(self._said_interest, len(_INTEREST) - 1)]
        self._said_interest += 1
        return Reply(line)
