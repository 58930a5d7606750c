"""What is said while something takes long. Each kind of wait goes through its lines in turn: never twice the same in
a row. Pure."""

from enum import Enum

from cadenza.domain.standard_lines import Line


class Wait(Enum):
    """What is being waited for."""

    CALENDAR = (Line.CHECKING, Line.CHECKING_TIMES)
    CALENDAR_LONGER = (Line.STILL_CHECKING, Line.ALMOST_THERE)
    ANSWER = (Line.THINKING, Line.LET_ME_SEE)
    ANSWER_LONGER = (Line.ALMOST_THERE, Line.STILL_CHECKING)


WAITING_LINES = frozenset(line for wait in Wait for line in wait.value)


class Fillers:
    """The fillers of one call."""

    def __init__(self) -> None:
        self._said: dict[Wait, int] = {}
        self._last: Line | None = None

    def next(self, wait: Wait) -> Line:
        """The line for now."""
        count = self._said.get(wait, 0)
        line = wait.value[count % len(wait.value)]
        if line is self._last:
            count += 1
            line = wait.value[count % len(wait.value)]
        self._said[wait] = count + 1
        self._last = line
        return line
