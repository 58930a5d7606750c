"""Plays an agent against a party without sound: words arrive at speaking pace, speech takes its time."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rehearsal.people.party import Action, HangUp, Heard, Moment, Note, Party, Press, Say, StopTalking, Tone

WORD_MILLISECONDS = 300
TICK = 20


@dataclass
class Talk:
    """One conversation; `now` is in milliseconds from the answer."""

    party: Party
    now: int = 0
    log: list[tuple[int, Action]] = field(default_factory=list)
    _own_until: int = 0
    gone: str | None = None

    def agent_says(self, text: str) -> None:
        """The agent speaks; each word is heard at its end."""
        for word in text.split():
            for tick in range(WORD_MILLISECONDS // TICK):
                last = tick == WORD_MILLISECONDS // TICK - 1
                heard = [Heard(word, word[-1] in ".?!")] if last else []
                self._step(heard, agent=True)

    def silence(self, milliseconds: int) -> None:
        """Nobody at the agent's side speaks for so long, or until the party hangs up."""
        for _ in range(milliseconds // TICK):
            if self.gone is None:
                self._step([], agent=False)

    def until_quiet(self, longest: int = 20_000) -> str:
        """Let the party speak next; returns what it said by the time it is quiet again."""
        before = len(self.log)
        limit = self.now + longest
        while self.now < limit and self.gone is None and not self._said(before):
            self._step([], agent=False)
        while self.speaking and self.gone is None:
            self._step([], agent=False)
        return self._said(before)

    @property
    def speaking(self) -> bool:
        return self.now < self._own_until

    @property
    def said(self) -> list[str]:
        return [action.text for _, action in self.log if isinstance(action, Say)]

    def notes(self, kind: str) -> list[dict[str, object]]:
        return [action.facts for _, action in self.log if isinstance(action, Note) and action.kind == kind]

    def when(self, kind: type[Action]) -> int:
        return next(at for at, action in self.log if isinstance(action, kind))

    def end(self) -> None:
        for note in self.party.line_ended():
            self.log.append((self.now, note))

    def _said(self, since: int) -> str:
        return " ".join(action.text for _, action in self.log[since:] if isinstance(action, Say))

    def _step(self, words: Sequence[Heard], *, agent: bool) -> None:
        self.now += TICK
        moment = Moment(TICK, words, agent, self.speaking)
        for action in self.party.step(moment):
            self.log.append((self.now, action))
            match action:
                case Say(text):
                    self._own_until = max(self._own_until, self.now) + len(text.split()) * WORD_MILLISECONDS
                case Tone(_, milliseconds):
                    self._own_until = max(self._own_until, self.now) + milliseconds
                case StopTalking():
                    self._own_until = self.now
                case HangUp(reason):
                    self.gone = reason
                case Press() | Note():
                    pass
