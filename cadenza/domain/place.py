"""A place in the sense of the law: which rules hold there, and what the clocks show."""

from dataclasses import dataclass

UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class Place:
    """One place where the called party may be.

    `country` is ISO 3166, `state` its subdivision as in ISO 3166-2 without the country; empty where it is not known:
    then the rules of all that it may be hold. `zones` are IANA names: the local time may be that of any of them.
    """

    country: str = UNKNOWN
    state: str = UNKNOWN
    zones: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """`US-FL`, `AU`, or `unknown`."""
        return f"{self.country}-{self.state}" if self.state else self.country or "unknown"
