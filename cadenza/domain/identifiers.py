"""Identifiers. They carry no personal data: they appear in workflow ids, URLs and log lines."""

import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32


def new_id(prefix: str) -> str:
    """A sortable unique id such as `ld_06ej...`: 9 characters of milliseconds, 11 of randomness."""
    milliseconds = time.time_ns() // 1_000_000
    return f"{prefix}_{_encoded(milliseconds, 9)}{_encoded(secrets.randbits(55), 11)}"


def _encoded(number: int, length: int) -> str:
    return "".join([_ALPHABET[(number >> shift) & 31] for shift in range(5 * (length - 1), -1, -5)])


def attempt_id(lead_id: str, number: int) -> str:
    """The id of a lead's n-th attempt; the same everywhere, so a lost reply can be matched."""
    return f"{lead_id}-{number}"


def lead_workflow_id(campaign_id: str, lead_id: str) -> str:
    return f"lead:{campaign_id}:{lead_id}"


def dialer_workflow_id(account: str) -> str:
    return f"dialer:{account}"
