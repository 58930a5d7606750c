"""Cadenza: a Temporal-orchestrated outbound AI calling engine."""

import zoneinfo

# The wheel's zone data, never the operating system's: Debian 12 ships 2025b, in which three Canadian
# provinces still change their clocks, so a forbidden hour would look lawful.
zoneinfo.reset_tzpath(())

__version__ = "0.1.0"
