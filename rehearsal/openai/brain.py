"""The salesman's mind: a request in, one short reply or one tool call out. Deterministic, without I/O or clock.

It knows only what the request says: it calls no tool that was not given, takes slot tokens from the last tool result
alone, says "booked" only after the tool said so, and asks one thing at a time.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from rehearsal.openai import objections
from rehearsal.openai.conversation import Conversation, ToolResult, slots_of
from rehearsal.openai.emails import email_in
from rehearsal.openai.intents import Intent, has, understand
from rehearsal.openai.slots import picked, preference, spoken_list
from rehearsal.openai.times import requested_time


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Thought:
    """What the model says, what it calls, or both (a confirmation together with `end_call`)."""

    text: str = ""
    calls: tuple[Call, ...] = field(default=())


_FAREWELL: Final = "Thank you for your time. Goodbye."
_FAREWELLS: Final = {
    "not_interested": "I understand, and thank you for your time. Goodbye.",
    "wrong_number": "I'm sorry for the mix-up, we will not ring this number again. Goodbye.",
    "gatekeeper": "Thank you for your help. Goodbye.",
    "not_now": "I understand, this is not a good time. Goodbye.",
}
_ASK_FOR_TIMES: Final = "Shall I look for a time that suits you?"


def think(conversation: Conversation) -> Thought:
    """The next reply."""
    if conversation.last_role == "tool":
        return _after_tool(conversation, conversation.results[-1])
    if conversation.last_role != "user":
        return Thought("Are you still there?") if conversation.agent_texts else Thought(_introduction(conversation))
    return _after_user(conversation, conversation.latest_user)


# --- after a tool's answer ---------------------------------------------------------------------------------------


def _after_tool(conversation: Conversation, result: ToolResult) -> Thought:
    status = str(result.value.get("status", ""))
    match result.name, status:
        case "offer_slots", _:
            return Thought(_offer(conversation, result))
        case "book_appointment", "booked":
            spoken = str(result.value.get("spoken", "your appointment")).rstrip(".")
            return Thought(f"You're booked for {spoken}. Is there anything else I can help you with?")
        case "book_appointment", "taken":
            left = slots_of(result.value)
            if not left:
                return Thought("That one has just gone, I'm sorry. When would you like us to call you back?")
            return Thought(f"That one has just gone; I have {spoken_list(left)}. {_which(len(left))}")
        case "book_appointment", "need_email":
            return Thought("Which e-mail address may I send the invitation to?")
        case "book_appointment", _:
            return Thought("I'm sorry, I could not book that just now. When may we call you back about it?")
        case "schedule_callback", "scheduled":
            spoken = str(result.value.get("spoken", "then")).rstrip(".")
            return Thought(f"All right, I'll call you {spoken}. Talk to you then!")
        case "schedule_callback", _:
            suggestion = str(result.value.get("suggestion") or "").rstrip(".?")
            if suggestion:
                return Thought(f"I'm afraid I can't call at that time. Would {suggestion} work for you?")
            return Thought("I'm afraid I can't call at that time. Which other time would suit you?")
        case "do_not_call", _:
            text = "I've taken you off our list and we will not call you again."
            return _end(conversation, "Goodbye.", before=text)
        case "answer_objection", _:
            if result.value.get("spoken") is False:
                return Thought(f"{result.value.get('answer', '')} {_ASK_FOR_TIMES}".strip())
            return Thought(_ASK_FOR_TIMES)
        case "transfer_call", "connecting":
            return Thought()
        case "transfer_call", "closed" | "not_connected":
            return Thought("I'm sorry, nobody can take your call just now. When may we call you back?")
        case "leave_it", _:
            reason = str(result.arguments.get("reason", ""))
            return _end(conversation, _FAREWELLS.get(reason, _FAREWELL))
        case "end_call", _:
            return Thought()
    return Thought("I'm sorry, something went wrong there. What can I do for you?")


def _offer(conversation: Conversation, result: ToolResult) -> str:
    found = slots_of(result.value)
    if not found:
        return "I'm sorry, I have nothing free there. Which other day would suit you?"
    opening = "I have" if not _offered_before(conversation) else "I also have"
    return f"{opening} {spoken_list(found)}. {_which(len(found))}"


def _which(count: int) -> str:
    return "Which suits you better?" if count > 1 else "Does that work for you?"


def _offered_before(conversation: Conversation) -> bool:
    return any(slots_of(result.value) for result in conversation.results[:-1])


# --- after the callee's words ------------------------------------------------------------------------------------


def _after_user(conversation: Conversation, text: str) -> Thought:
    intent = understand(text)
    for step in (_ending, _connecting, _machines, _booking, _objecting, _postponing):
        thought = step(conversation, text, intent)
        if thought is not None:
            return thought
    return _talking(conversation, text, intent)


def _ending(conversation: Conversation, text: str, intent: Intent) -> Thought | None:
    """What ends a call whatever went before."""
    if intent is Intent.OPT_OUT:
        if "do_not_call" in conversation.tools and not _called(conversation, "do_not_call"):
            return Thought(calls=(Call("do_not_call", {}),))
        return _end(conversation, "You will not hear from us again. Goodbye.")
    if intent is Intent.WRONG_NUMBER:
        return _leave(conversation, "wrong_number")
    settled = conversation.booked or conversation.callback_scheduled
    if settled and (
        intent in {Intent.GOODBYE, Intent.NOTHING_ELSE, Intent.THANKS, Intent.NO, Intent.NOT_INTERESTED}
        or (intent in {Intent.YES, Intent.BACKCHANNEL} and not has(text, Intent.QUESTION))
    ):
        farewell = "Have a great day. Goodbye." if conversation.booked else "Talk to you soon. Goodbye."
        return _end(conversation, farewell)
    if _called(conversation, "leave_it") or _called(conversation, "do_not_call"):
        return _end(conversation, _FAREWELL)
    if intent in {Intent.GOODBYE, Intent.NOTHING_ELSE} and requested_time_of(conversation, text) is None:
        return _end(conversation, _FAREWELL)
    return None


def _connecting(conversation: Conversation, text: str, intent: Intent) -> Thought | None:
    """People who would rather talk to a person. Each of those on the list is tried once; what was said into the
    announcement called it off, and is asked for again."""
    if intent is not Intent.PERSON or "transfer_call" not in conversation.tools:
        return None
    tried = {
        str(result.arguments.get("target_id"))
        for result in conversation.results
        if result.name == "transfer_call" and result.value.get("status") != "called_off"
    }
    left = [target for target in conversation.transfer_targets() if target not in tried]
    return Thought(calls=(Call("transfer_call", {"target_id": left[0]}),)) if left else None


def _machines(conversation: Conversation, text: str, intent: Intent) -> Thought | None:
    """Call screeners, voicemail, and people who wonder whether we are one."""
    if intent is Intent.SCREENING:
        return Thought(_identity(conversation))
    if intent is Intent.VOICEMAIL:
        return _end(conversation, "")
    if intent is Intent.ROBOT:
        return Thought(f"Yes, I'm an AI assistant{_calling_for(conversation)}. Is it all right if we go on?")
    return None


def _booking(conversation: Conversation, text: str, intent: Intent) -> Thought | None:
    """Everything about offered times and the address for the invitation."""
    if conversation.booked:
        return None
    token = conversation.pending_token
    email = email_in(text)
    if token is not None and email is not None and "book_appointment" in conversation.tools:
        return _book(token, email)
    if token is not None and intent in {Intent.YES, Intent.BACKCHANNEL, Intent.UNCLEAR, Intent.IDENTITY}:
        return Thought("Sorry, I did not catch the address. Could you spell your e-mail for me?")
    offered = conversation.slots
    if not offered or intent in {Intent.CALLBACK, Intent.NOT_INTERESTED, Intent.ROBOT}:
        return None
    choice = picked(text, offered)
    if choice is not None and "book_appointment" in conversation.tools:
        return _book(choice.token, conversation.email)
    if intent is Intent.ANOTHER_TIME or (preference(text) and intent is not Intent.NO):
        return _offer_slots(conversation, text)
    if intent is Intent.YES or intent is Intent.ASKS_TIMES:
        if _asked_twice(conversation, "Which one would you like"):
            return _book(offered[0].token, conversation.email)
        return Thought(f"Which one would you like, {spoken_list(offered)}?")
    if intent is Intent.NO:
        return _offer_slots(conversation, text)
    return None


def _objecting(conversation: Conversation, text: str, intent: Intent) -> Thought | None:
    """The script's objections, each answered once, and plain disinterest."""
    if intent in {Intent.CALLBACK, Intent.GATEKEEPER, Intent.WHO}:
        return None
    agrees = intent in {Intent.YES, Intent.IDENTITY, Intent.ASKS_TIMES, Intent.HELLO} and not objections.makes_one(text)
    found = None if agrees else objections.matching(text, conversation.objections())
    if found is not None and found not in conversation.answered:
        return Thought(calls=(Call("answer_objection", {"objection_id": found}),))
    if intent is Intent.NOT_INTERESTED or (intent is Intent.NO and not conversation.slots):
        return _leave(conversation, "not_interested")
    if found is not None:
        return _leave(conversation, "not_now")
    if objections.makes_one(text):
        return Thought(f"I hear you. A short call would answer that; {_ASK_FOR_TIMES[0].lower()}{_ASK_FOR_TIMES[1:]}")
    return None


def _postponing(conversation: Conversation, text: str, intent: Intent) -> Thought | None:
    """Callbacks, and people who answer for somebody else."""
    asked_when = "call you back" in conversation.latest_agent or "other time would suit" in conversation.latest_agent
    if intent is Intent.CALLBACK or (asked_when and requested_time_of(conversation, text) is not None):
        moment = requested_time_of(conversation, text)
        if "schedule_callback" not in conversation.tools:
            return _leave(conversation, "not_now")
        if moment is None:
            if asked_when:
                return _leave(conversation, "not_now")
            return Thought("Of course. When may we call you back?")
        arguments = {"when": moment.isoformat(timespec="seconds"), "spoken_request": text.strip()}
        return Thought(calls=(Call("schedule_callback", arguments),))
    refused = conversation.results and conversation.results[-1].value.get("status") == "refused"
    if refused and intent in {Intent.YES, Intent.BACKCHANNEL} and conversation.now is not None:
        suggestion = str(conversation.results[-1].value.get("suggestion") or "")
        moment = requested_time(suggestion, conversation.now)
        if moment is not None:
            arguments = {"when": moment.isoformat(timespec="seconds"), "spoken_request": suggestion}
            return Thought(calls=(Call("schedule_callback", arguments),))
    if intent is Intent.GATEKEEPER:
        if _asks_who(text) and not _introduced(conversation):
            return Thought(f"{_identity(conversation)} Could you tell me when they are free?")
        return _leave(conversation, "gatekeeper")
    return None


def _talking(conversation: Conversation, text: str, intent: Intent) -> Thought:
    """The ordinary way from hello to an offer of times."""
    match intent:
        case Intent.WHO:
            return Thought(f"{_identity(conversation)} {_ASK_FOR_TIMES}")
        case Intent.IDENTITY | Intent.HELLO:
            return Thought(_introduction(conversation, "Hello!" if intent is Intent.HELLO else "Great."))
        case Intent.YES if not conversation.replies and not conversation.results and not preference(text):
            return Thought(_introduction(conversation))
        case Intent.YES | Intent.ASKS_TIMES:
            return _offer_slots(conversation, text)
        case Intent.THANKS:
            return Thought(f"You're welcome. {_ASK_FOR_TIMES}")
        case Intent.BACKCHANNEL:
            return Thought(_ASK_FOR_TIMES) if conversation.agent_texts else Thought(_introduction(conversation))
        case Intent.QUESTION | Intent.ANOTHER_TIME:
            if preference(text):
                return _offer_slots(conversation, text)
            fact = max(conversation.facts(), key=lambda one: objections.overlap(text, one), default="")
            if objections.overlap(text, fact):
                return Thought(f"{fact.rstrip('.')}. {_ASK_FOR_TIMES}")
            return Thought(f"Our specialist can tell you best in a short call. {_ASK_FOR_TIMES}")
        case Intent.SILENCE:
            if "still there" in conversation.latest_agent:
                return _leave(conversation, "not_now")
            return Thought("Are you still there?")
    if preference(text) and _about_times(conversation):
        return _offer_slots(conversation, text)
    if _asked_twice(conversation, "did not quite catch"):
        return _leave(conversation, "not_now")
    return Thought(f"Sorry, I did not quite catch that. {_ASK_FOR_TIMES}")


# --- small parts -------------------------------------------------------------------------------------------------


def requested_time_of(conversation: Conversation, text: str) -> Any:
    """The moment the words name on the callee's clock; None without a clock in the prompt."""
    return requested_time(text, conversation.now) if conversation.now is not None else None


def _book(token: str, email: str | None) -> Thought:
    return Thought(calls=(Call("book_appointment", {"slot_token": token, "email": email}),))


def _offer_slots(conversation: Conversation, text: str) -> Thought:
    if "offer_slots" not in conversation.tools:
        return Thought("I'll have a colleague get in touch with you. When may we call you back?")
    return Thought(calls=(Call("offer_slots", {"preference": preference(text)}),))


def _leave(conversation: Conversation, reason: str) -> Thought:
    allowed = conversation.leave_reasons()
    if reason in allowed and not _called(conversation, "leave_it"):
        return Thought(calls=(Call("leave_it", {"reason": reason}),))
    return _end(conversation, _FAREWELLS[reason])


def _end(conversation: Conversation, farewell: str, before: str = "") -> Thought:
    if "end_call" in conversation.tools:
        return Thought(before, (Call("end_call", {"farewell": farewell}),))
    return Thought(f"{before} {farewell}".strip())


def _called(conversation: Conversation, tool: str) -> bool:
    return any(result.name == tool for result in conversation.results)


def _asked_twice(conversation: Conversation, words: str) -> bool:
    return any(words in text for text in conversation.agent_texts[-3:])


def _about_times(conversation: Conversation) -> bool:
    said = conversation.latest_agent.lower()
    return any(word in said for word in ("time", "day", "when", "suit"))


def _asks_who(text: str) -> bool:
    return has(text, Intent.WHO)


def _introduced(conversation: Conversation) -> bool:
    return any(text.startswith("This is ") for text in conversation.agent_texts)


def _calling_for(conversation: Conversation) -> str:
    return f" calling for {conversation.company}" if conversation.company else ""


def _identity(conversation: Conversation) -> str:
    name = conversation.agent_name
    who = f"This is {name}, an AI assistant" if name else "This is an AI assistant"
    return f"{who}{_calling_for(conversation)}, about a short introductory call."


def _introduction(conversation: Conversation, opening: str = "Great.") -> str:
    purpose = (conversation.purpose or "to set up a short introduction").rstrip(".")
    if purpose.lower().startswith("to "):
        purpose = f"I'm calling {purpose[0].lower()}{purpose[1:]}"
    return f"{opening} {purpose}. Would you be open to a brief call with a specialist?"
