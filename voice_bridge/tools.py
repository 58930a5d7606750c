"""The model's tools. They take ids from closed lists only, and answer every mistake with an error it can read."""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import orjson
import structlog

from cadenza.domain.messages import BookAppointment, BookingResult, OfferedSlot, OfferSlots, SlotOffer
from cadenza.domain.policy import CampaignPolicy
from cadenza.domain.spoken import email_from_speech, is_email, spoken_when
from cadenza.domain.standard_lines import Line, line_text
from cadenza.domain.transfers import MOST_TRANSFERS, TransferTarget
from cadenza.records.call_context import CallContext
from voice_bridge import spoken_results
from voice_bridge.outcome import CallFacts, LeaveReason

log = structlog.get_logger(__name__)

MOST_DAYS_AHEAD = 30
JUST_NOW = timedelta(minutes=2)
"""A callback asked for "in thirty seconds" may be past by the time it is understood."""
_MAX_PREFERENCE = 300
_MAX_FAREWELL = 300


class LeadActions(Protocol):
    """What tools do to the world, for the call's lead (shell: lead_actions.py)."""

    async def offer_slots(self, update_id: str, message: OfferSlots) -> SlotOffer: ...
    async def book_appointment(self, update_id: str, message: BookAppointment) -> BookingResult: ...
    async def promise_callback(self, when: datetime) -> None: ...
    async def opt_out(self) -> None: ...
    async def stop_recording(self) -> None: ...
    async def ask_for_transfer(self, update_id: str, target: TransferTarget) -> None: ...


class ToolRefused(Exception):
    """The call cannot be carried out as asked; the text is for the model."""


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """What a tool gives back. `say` is spoken as it is; `is_final`: the model has nothing to add in this turn."""

    result: dict[str, Any]
    say: str = ""
    is_final: bool = False
    ends_call: bool = False
    opted_out: bool = False
    connects: bool = False
    """To a person, as soon as `say` was heard."""
    said_next: tuple[str, ...] = ()
    """Sentences one of which is likely to follow: they can be rendered meanwhile."""


class ToolBox:
    """The tools of one call."""

    def __init__(
        self,
        context: CallContext,
        facts: CallFacts,
        actions: LeadActions,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._context = context
        self._facts = facts
        self._actions = actions
        self._clock = clock
        self._offered: dict[str, OfferedSlot] = {}
        self._objections = {objection.id: objection for objection in context.script.objections}
        self._tools: dict[str, Callable[[str, dict[str, Any]], Awaitable[ToolOutcome]]] = {
            "offer_slots": self._offer_slots,
            "book_appointment": self._book_appointment,
            "schedule_callback": self._schedule_callback,
            "do_not_call": self._do_not_call,
            "answer_objection": self._answer_objection,
            "leave_it": self._leave_it,
            "end_call": self._end_call,
        }
        self._unreached: set[str] = set()  # transfer targets that did not take the call
        self._transfers = 0
        if context.policy.record_calls:
            self._tools["stop_recording"] = self._stop_recording
        if context.policy.transfer_targets:
            self._tools["transfer_call"] = self._transfer_call

    def definitions(self) -> list[dict[str, Any]]:
        """The tools as the model is told of them."""
        return definitions(tuple(self._objections), self._context.policy)

    def remember(self, name: str, result: dict[str, Any]) -> None:
        """Take up a result of an earlier stream of this call: what was offered, booked, promised."""
        for slot in result.get("slots", ()):
            self._facts.slots_offered = True
            self._offered[slot["token"]] = OfferedSlot(
                token=slot["token"], starts_at=datetime.now(UTC), spoken=slot.get("spoken", "")
            )
        status = result.get("status")
        self._facts.booked |= name == "book_appointment" and status == "booked"
        self._facts.opted_out |= name == "do_not_call" and status == "done"
        if name == "transfer_call" and status in {"connecting", "not_connected"}:
            self._facts.transfer_asked = True
            self._transfers += 1
            if status == "not_connected":
                self._unreached.add(result.get("target_id", ""))
        if name == "leave_it" and status == "noted" and result.get("reason") in set(LeaveReason):
            self._facts.leave_reason = LeaveReason(result["reason"])

    async def run(self, call_id: str, name: str, arguments: str) -> ToolOutcome:
        """Carry out one call. Never raises for anything that the model or a vendor did."""
        try:
            tool = self._tools.get(name)
            if tool is None:
                raise ToolRefused(f"there is no tool {name[:40]!r}; the tools are {', '.join(self._tools)}")
            return await tool(call_id, _parse(arguments))
        except ToolRefused as refusal:
            return ToolOutcome({"status": "error", "error": str(refusal)})
        except Exception as error:  # the talk must go on whatever broke; the words of the error may hold data
            log.error("tool_failed", tool=name[:40], attempt=self._context.attempt_id, error=type(error).__name__)
            return ToolOutcome({"status": "failed", "reason": "a technical problem; nothing was done"})

    # --- Each tool ---------------------------------------------------------------------------------------------------

    async def _offer_slots(self, call_id: str, arguments: dict[str, Any]) -> ToolOutcome:
        preference = _text(arguments, "preference", required=False)[:_MAX_PREFERENCE]
        message = OfferSlots(attempt_id=self._context.attempt_id, preference=preference)
        offer = await self._actions.offer_slots(call_id, message)
        if not offer.slots:
            return ToolOutcome({"slots": [], "reason": offer.reason or "no free time was found"})
        return self._spoken({"slots": self._offer(offer.slots)}, spoken_results.found(offer.slots), offer.slots)

    async def _book_appointment(self, call_id: str, arguments: dict[str, Any]) -> ToolOutcome:
        token = _text(arguments, "slot_token")
        if token not in self._offered:
            known = ", ".join(self._offered) or "none: call offer_slots first"
            raise ToolRefused(f"slot_token is not one of those offered ({known})")
        spoken_email = _text(arguments, "email", required=False)
        email = email_from_speech(spoken_email) if spoken_email else None
        if spoken_email and (email is None or not is_email(email)):
            raise ToolRefused("email is not an e-mail address; ask for it again, and read it back")
        message = BookAppointment(attempt_id=self._context.attempt_id, slot_token=token, email=email)
        booking = await self._actions.book_appointment(call_id, message)
        match booking.status:
            case "booked":
                self._facts.booked = True
                when = self._offered[token].spoken
                person = f" with {booking.rep_name}" if booking.rep_name else ""
                result = {"status": "booked", "spoken": when + person}
                return self._spoken(result, spoken_results.booked(when, booking.rep_name))
            case "taken":
                self._offered.pop(token, None)
                taken = {"status": "taken", "slots": self._offer(booking.slots)}
                return self._spoken(taken, spoken_results.taken(booking.slots), booking.slots)
            case "need_email":
                return ToolOutcome({"status": "need_email"})
        return ToolOutcome({"status": "failed", "reason": booking.reason or "the calendar did not take it"})

    async def _schedule_callback(self, call_id: str, arguments: dict[str, Any]) -> ToolOutcome:
        zone = ZoneInfo(self._context.zone)
        try:
            when = datetime.fromisoformat(_text(arguments, "when"))
        except ValueError:
            raise ToolRefused("when must be a local date and time such as 2026-12-03T14:30:00") from None
        when = (when.replace(tzinfo=zone) if when.tzinfo is None else when).astimezone(UTC)
        now = self._clock()
        if now - JUST_NOW <= when < now:
            when = now + timedelta(seconds=5)
        if when < now:
            raise ToolRefused("when is in the past; the callee's local time is in your instructions")
        if when > now + timedelta(days=MOST_DAYS_AHEAD):
            return self._refused("that is too far ahead", now + timedelta(days=MOST_DAYS_AHEAD), now)
        opens = self._context.opening(when)
        if opens is None:
            return ToolOutcome({"status": "refused", "reason": "we may not call at that time", "suggestion": ""})
        if opens > when:
            return self._refused("we may not call at that hour", opens, now)
        await self._actions.promise_callback(when)
        self._facts.callback_at = when
        spoken = spoken_when(when, now, self._context.zone)
        return self._spoken({"status": "scheduled", "spoken": spoken}, spoken_results.scheduled(spoken))

    def _refused(self, reason: str, instead: datetime, now: datetime) -> ToolOutcome:
        suggestion = spoken_when(instead, now, self._context.zone)
        return ToolOutcome({"status": "refused", "reason": reason, "suggestion": suggestion})

    async def _do_not_call(self, call_id: str, arguments: dict[str, Any]) -> ToolOutcome:
        await self._actions.opt_out()
        self._facts.opted_out = True
        return ToolOutcome({"status": "done"}, opted_out=True)

    async def _answer_objection(self, call_id: str, arguments: dict[str, Any]) -> ToolOutcome:
        objection = self._objections.get(_text(arguments, "objection_id"))
        if objection is None:
            raise ToolRefused(f"objection_id must be one of: {', '.join(self._objections) or 'none'}")
        context = self._context
        answer = context.script.say(
            objection.answer,
            first_name=context.first_name,
            company=context.company,
            caller_id=context.caller_id,
            custom=context.custom,
        )
        # An answer that asks something is a whole turn; after any other the model leads on.
        return ToolOutcome({"answer": answer, "spoken": True}, say=answer, is_final=answer.rstrip().endswith("?"))

    async def _stop_recording(self, call_id: str, arguments: dict[str, Any]) -> ToolOutcome:
        await self._actions.stop_recording()
        return ToolOutcome({"status": "stopped"})

    async def _transfer_call(self, call_id: str, arguments: dict[str, Any]) -> ToolOutcome:
        policy, now = self._context.policy, self._clock()
        target = policy.transfer_target(_text(arguments, "target_id"))
        if target is None:
            known = ", ".join(one.id for one in policy.transfer_targets)
            raise ToolRefused(f"target_id must be one of: {known}")
        offer = {"offer": target.if_unanswered.value, "target_id": target.id}
        self._facts.transfer_asked = True
        if target.id in self._unreached or self._transfers >= MOST_TRANSFERS:
            return ToolOutcome({"status": "not_connected", "reason": "they could not be reached in this call", **offer})
        if not target.is_there(now):
            opens = target.there_from(now)
            there = {"there_again": spoken_when(opens, now, self._context.zone)} if opens else {}
            return ToolOutcome({"status": "closed", "reason": "nobody is there at this hour", **there, **offer})
        await self._actions.ask_for_transfer(call_id, target)
        self._transfers += 1
        speaks = spoken_results.speaks_results(policy)
        say = spoken_results.connecting(target.label) if speaks else self._line(Line.CONNECTING)
        return ToolOutcome({"status": "connecting", "target_id": target.id}, say=say, is_final=True, connects=True)

    def _line(self, line: Line) -> str:
        context = self._context
        return line_text(
            line,
            context.script,
            first_name=context.first_name,
            company=context.company,
            caller_id=context.caller_id,
            custom=context.custom,
        )

    def forget_transfer(self) -> None:
        """It was called off before anybody was dialled."""
        self._facts.transfer_asked = False
        self._transfers -= 1

    async def _leave_it(self, call_id: str, arguments: dict[str, Any]) -> ToolOutcome:
        try:
            reason = LeaveReason(_text(arguments, "reason"))
        except ValueError:
            raise ToolRefused(f"reason must be one of: {', '.join(LeaveReason)}") from None
        self._facts.leave_reason = reason
        return ToolOutcome({"status": "noted", "reason": reason.value})

    async def _end_call(self, call_id: str, arguments: dict[str, Any]) -> ToolOutcome:
        farewell = _text(arguments, "farewell", required=False)[:_MAX_FAREWELL]
        return ToolOutcome({"status": "ending"}, say=farewell, is_final=True, ends_call=True)

    def _spoken(self, result: dict[str, Any], say: str, offered: Sequence[OfferedSlot] = ()) -> ToolOutcome:
        """A result that the bridge puts into words itself, where it can."""
        if not say or not spoken_results.speaks_results(self._context.policy):
            return ToolOutcome(result)
        said_next = tuple(spoken_results.confirmed(slot.spoken) for slot in offered)
        return ToolOutcome(result, say=say, is_final=True, said_next=said_next)

    def _offer(self, slots: list[OfferedSlot]) -> list[dict[str, str]]:
        self._facts.slots_offered = self._facts.slots_offered or bool(slots)
        for slot in slots:
            self._offered[slot.token] = slot
        return [{"token": slot.token, "spoken": slot.spoken} for slot in slots]


def new_call_id() -> str:
    """An id for a tool call of a model that gives none."""
    return f"call_{uuid.uuid4().hex[:16]}"


def _parse(arguments: str) -> dict[str, Any]:
    try:
        parsed = orjson.loads(arguments or "{}")
    except orjson.JSONDecodeError:
        raise ToolRefused("the arguments are not valid JSON; call the tool again") from None
    if not isinstance(parsed, dict):
        raise ToolRefused("the arguments must be a JSON object")
    return parsed


def _text(arguments: dict[str, Any], name: str, *, required: bool = True) -> str:
    value = arguments.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or (required and not value.strip()):
        raise ToolRefused(f"{name} must be a text")
    return value.strip()


def definitions(objection_ids: tuple[str, ...], policy: CampaignPolicy | None = None) -> list[dict[str, Any]]:
    """The tools in OpenAI's form, strict: every property is required, none other is allowed."""
    tools = [
        _tool(
            "offer_slots", "Find two open appointment times.", preference=_nullable("When the callee would like it.")
        ),
        _tool(
            "book_appointment",
            "Book one of the offered times. Only its result says whether it is booked.",
            slot_token=_string("The token of a time that offer_slots returned."),
            email=_nullable("The callee's e-mail address, if they gave one in this call."),
        ),
        _tool(
            "schedule_callback",
            "Promise to call again at another time.",
            when=_string("The callee's local date and time, ISO 8601 without zone: 2026-12-03T14:30:00."),
            spoken_request=_string("The callee's own words about when."),
        ),
        _tool("do_not_call", "The callee does not want to be called again. Acts at once, everywhere."),
        _tool(
            "leave_it",
            "Note why the goal cannot be reached in this call.",
            reason={"type": "string", "enum": [reason.value for reason in LeaveReason]},
        ),
        _tool("end_call", "Say a short farewell and hang up.", farewell=_string("The last words, one sentence.")),
    ]
    if objection_ids:
        tools.append(
            _tool(
                "answer_objection",
                "Speak the approved answer to an objection. It is spoken for you: do not repeat it.",
                objection_id={"type": "string", "enum": list(objection_ids)},
            )
        )
    if policy is not None and policy.record_calls:
        tools.append(_tool("stop_recording", "The callee does not want to be recorded. The talk goes on."))
    if policy is not None and policy.transfer_targets:
        people = "; ".join(f"{target.id}: {target.label}" for target in policy.transfer_targets)
        tools.append(
            _tool(
                "transfer_call",
                f"Connect the callee to a person ({people}). It is announced for you: do not announce it yourself.",
                target_id={"type": "string", "enum": [target.id for target in policy.transfer_targets]},
            )
        )
    return tools


def _tool(name: str, description: str, **properties: dict[str, Any]) -> dict[str, Any]:
    parameters = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": parameters, "strict": True},
    }


def _string(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


def _nullable(description: str) -> dict[str, Any]:
    return {"type": ["string", "null"], "description": description}
