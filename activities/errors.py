"""What can go wrong at the carrier, as types. Nobody reads messages: the type and the code say everything."""

from enum import StrEnum


class RejectionKind(StrEnum):
    """Why the carrier refused outright. In every case nobody was rung."""

    BAD_NUMBER = "bad_number"  # the number cannot be called, now or ever
    CONFIGURATION = "configuration"  # our account, caller ID or parameters: every other call would fail too
    TEMPORARY = "temporary"  # may pass


class CarrierError(Exception):
    """The carrier did not do what was asked."""


class Rejected(CarrierError):
    """The carrier refused. `code` is its error code (the HTTP status where it gave none)."""

    def __init__(self, code: int, kind: RejectionKind) -> None:
        super().__init__(f"the carrier refused with code {code} ({kind.value})")
        self.code = code
        self.kind = kind


class NotTaken(CarrierError):
    """Too many requests or calls, or the carrier could not be reached: nothing was done, later it may be."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the carrier took nothing (code {code})")
        self.code = code


class Doubtful(CarrierError):
    """The request was sent and no clear answer came: it may have been carried out."""

    def __init__(self, cause: str) -> None:
        super().__init__(f"no clear answer from the carrier ({cause})")


class TooLate(CarrierError):
    """The request may no longer be sent, and was not."""

    def __init__(self) -> None:
        super().__init__("the lease ended before the request was sent")


class WrongState(CarrierError):
    """The call is not in a state that allows this: mostly it is over already."""


class NoSuchCall(CarrierError):
    """The carrier does not know the call."""
