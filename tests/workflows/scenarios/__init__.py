"""Every path through the workflows, as a story that is played on a real server and kept as a history.

The code of today must be able to replay each of them: a lead that sleeps for days wakes in a new version.
"""

from tests.workflows.scenarios import bookings, calls, cancellations, endings, lives, others
from tests.workflows.scenarios.registry import LEADS, OTHERS

__all__ = ["LEADS", "OTHERS", "bookings", "calls", "cancellations", "endings", "lives", "others"]
