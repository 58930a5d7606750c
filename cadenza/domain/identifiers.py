"""Identifiers. They carry no personal data: they appear in workflow ids, URLs and log lines."""

import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32


def new_id(prefix: str) -> str:
    """A sortable unique id such as `ld_06ej...`: 9 characters of milliseconds, 11 of randomness."""
    milliseconds = time.time_ns() // 1_000_000
    head = "".join(_ALPHABET[(milliseconds >> shift) & 31] for shift in range(40, -1, -5))
    return f"{prefix}_{head}{''.join(secrets.choice(_ALPHABET) for _ in range(11))}"


def attempt_id(lead_id: str, number: int) -> str:
    """The id of a lead's n-th attempt; the same everywhere, so a lost reply can be matched."""
    return f"{lead_id}-{number}"


def lead_workflow_id(campaign_id: str, lead_id: str) -> str:
    return f"lead:{campaign_id}:{lead_id}"


def dialer_workflow_id(account: str) -> str:
    return f"dialer:{account}"
