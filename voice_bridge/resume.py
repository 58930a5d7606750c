"""Takes a call up where an earlier stream of it broke: from the journal to what the agent knows. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from cadenza.domain import phrases
from cadenza.domain.outcomes import AnsweredBy, Speaker
from cadenza.domain.standard_lines import Line
from cadenza.domain.transfers import TransferState
from cadenza.records.call_tables import Transfer, Turn
from voice_bridge.agent_turn import SAID_NOTHING
from voice_bridge.conversation import CalleeEntry, Conversation, NoteEntry, ToolEntry
from voice_bridge.thinking.sentences import sentences_of
from voice_bridge.turn_decisions import EndReason

_LAST_WORDS = {
    Line.REMOVED: EndReason.OPTED_OUT,
    Line.SILENCE_FAREWELL: EndReason.SILENCE,
    Line.TIME_UP: EndReason.TIME_LIMIT,
    Line.TROUBLE: EndReason.TROUBLE,
    Line.FAREWELL: EndReason.AGENT_SAID_GOODBYE,
}
_LEAVING_TOOLS: dict[tuple[str, str], EndReason | None] = {
    ("end_call", "ending"): EndReason.AGENT_SAID_GOODBYE,
    ("do_not_call", "done"): EndReason.OPTED_OUT,
}
_OPT_OUTS = {"opt_out_key", "opted_out"}
"""What a note about an opt-out holds."""


@dataclass(slots=True)
class Past:
    """What the journal tells of the call so far."""

    conversation: Conversation = field(default_factory=Conversation)
    unfinished_tools: list[ToolEntry] = field(default_factory=list)
    finished_tools: list[ToolEntry] = field(default_factory=list)
    callee_turns: int = 0
    last_position: int = 0
    machine: bool = False
    screened: bool = False
    began_at: datetime | None = None
    notes: set[int] = field(default_factory=set)
    """Ids of the notes that the model knows already."""
    connects: bool = False
    """A person was announced to the callee, and not dialled yet."""
    not_connected: Transfer | None = None
    """The carrier gave the call back, and nothing was said about it yet."""
    amended_tools: list[ToolEntry] = field(default_factory=list)
    """Entries whose result became known after the bridge had left the call."""
    opted_out: bool = False
    rest: str = ""
    """Of the agent's last words, those that nobody heard: from the sentence on in which the line broke."""
    leaves: EndReason | None = None
    """The agent was hanging up with its last words."""
    _spoke_last: bool = False  # the agent did, or the callee said what changes nothing
    _said_goodbye: bool = False
    _told_of: int | None = None  # the transfer that the last note is about
    _said_since: bool = False
    _floor_was_the_callees: bool = False
    _handed_over: bool = False  # by a bridge that heard to the end what was being said

    @property
    def is_empty(self) -> bool:
        return self.last_position == 0

    @property
    def unanswered(self) -> str:
        """The callee's last words, if nothing was said after them."""
        texts: list[str] = []
        for entry in reversed(self.conversation.entries):
            if isinstance(entry, ToolEntry | NoteEntry):
                continue
            if not isinstance(entry, CalleeEntry):
                break
            texts.append(entry.text)
        return " ".join(reversed(texts))

    @property
    def took_leave(self) -> bool:
        """The agent's last words were heard, and the callee said nothing that would keep it."""
        return self._spoke_last and not self.rest and (self._said_goodbye or self.leaves is not None)

    @property
    def missed_an_answer(self) -> bool:
        """The agent had said all it meant to, and the stream broke: what the callee said then, nobody heard."""
        return self._floor_was_the_callees and not self._handed_over

    def forget_last_words(self) -> None:
        """The talk goes on."""
        self.rest, self.leaves = "", None
        self._spoke_last = self._said_goodbye = False


def recall(turns: Sequence[Turn], transfers: Sequence[Transfer] = ()) -> Past:
    """Read the journal's rows, in order, and what became of the call's transfers."""
    past = Past()
    for turn in turns:
        past.last_position = max(past.last_position, turn.position)
        past.began_at = past.began_at or turn.started_at
        match turn.speaker:
            case Speaker.CALLEE:
                past._floor_was_the_callees = False
                past.callee_turns += 1
                past.conversation.callee(turn.text)
                _turn_of_callee(past, turn)
            case Speaker.AGENT if turn.text and SAID_NOTHING not in (turn.payload or {}):
                entry = past.conversation.agent(turn.text)
                entry.is_over = True
                past._said_since = True
                past._floor_was_the_callees = turn.text == turn.generated and not turn.interrupted
                _turn_of_agent(past, turn)
            case Speaker.TOOL:
                _tool(past, turn)
            case Speaker.SYSTEM:
                past._handed_over = "handed_over_by" in (turn.payload or {})
                _note(past, turn)
    for transfer in transfers:
        _take_transfer(past, transfer)
    return past


def _turn_of_callee(past: Past, turn: Turn) -> None:
    if not _changes_nothing(past, turn.text):
        past.forget_last_words()


def _changes_nothing(past: Past, text: str) -> bool:
    """Words into or behind the agent's last ones: as turn-taking has it while a call is ending."""
    if not past._spoke_last or phrases.is_opt_out(text):
        return False
    if past.leaves is EndReason.AGENT_SAID_GOODBYE:
        return "?" not in text and not phrases.is_stop_word(text)
    is_parting = phrases.is_goodbye(text) or phrases.is_back_channel(text)
    return past.leaves is not None or (past._said_goodbye and is_parting)


def _turn_of_agent(past: Past, turn: Turn) -> None:
    past.rest = _unheard(turn.text, turn.generated or "")
    past._spoke_last, past._said_goodbye = True, phrases.is_goodbye(turn.text)
    lines = (turn.payload or {}).get("lines", ())
    past.leaves = next((reason for line, reason in _LAST_WORDS.items() if line.value in lines), past.leaves)


def _unheard(heard: str, meant: str) -> str:
    if not meant.startswith(heard):
        return ""
    left, rest = len(heard.split()), []
    for sentence in sentences_of(meant):
        left -= len(sentence.split())
        if left < 0:
            rest.append(sentence)
    return " ".join(rest)


def _take_transfer(past: Past, transfer: Transfer) -> None:
    """Transfers come oldest first: what the last one left open is what this stream begins with."""
    state = TransferState(transfer.state)
    past.connects = state in {TransferState.ASKED, TransferState.READY}
    told = past._told_of == transfer.position and past._said_since
    is_back = state not in {TransferState.ASKED, TransferState.READY, TransferState.CALLED_OFF}
    past.not_connected = transfer if is_back and not told else None
    entry = next((one for one in past.finished_tools if one.position == transfer.position), None)
    if entry is None or not is_back or (entry.result or {}).get("status") != "connecting":
        return
    if state.is_unanswered:
        entry.result = {"status": "not_connected", "reason": state.value, "target_id": transfer.target_id}
    else:
        entry.result = {"status": "back", "reason": "the callee is back on the line", "target_id": transfer.target_id}
    past.amended_tools.append(entry)


def _tool(past: Past, turn: Turn) -> None:
    payload = turn.payload or {}
    arguments = payload.get("arguments")
    text = arguments if isinstance(arguments, str) else orjson.dumps(arguments or {}).decode()
    entry = past.conversation.tool(turn.tool_call_id or f"call_{turn.position}", turn.tool or "", text)
    entry.position = turn.position
    entry.result = payload.get("result")
    (past.unfinished_tools if entry.result is None else past.finished_tools).append(entry)
    past.leaves = _LEAVING_TOOLS.get((entry.name, str((entry.result or {}).get("status"))), past.leaves)


def _note(past: Past, turn: Turn) -> None:
    answered_by = (turn.payload or {}).get("answered_by")
    if answered_by == AnsweredBy.SCREENING:
        past.screened = True
    elif answered_by and AnsweredBy(answered_by).is_machine:
        past.machine = True
    past.opted_out = past.opted_out or not _OPT_OUTS.isdisjoint(turn.payload or {})
    if note := (turn.payload or {}).get("note"):
        past.notes.add(int(note))
        past.conversation.note(turn.text)
    if transfer := (turn.payload or {}).get("transfer"):
        past._told_of, past._said_since = int(transfer), False
    if (turn.payload or {}).get("person_joined"):
        past.screened = False
        past.callee_turns = 0
        past.forget_last_words()
        past.conversation.clear()
