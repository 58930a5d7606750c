"""Named time-outs and retry policies of the workflows' activities, in one place, with the reason for each."""

from datetime import timedelta

from temporalio.common import RetryPolicy

ONCE = RetryPolicy(maximum_attempts=1)
"""For what may not be done twice."""

PATIENT = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))
"""Short SQL: until the database answers."""

BRIEF = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=5), maximum_attempts=4)
"""Requests to the carrier about a live call: a few tries, then the deadlines of the call take over."""

BEST_EFFORT = RetryPolicy(initial_interval=timedelta(seconds=5), maximum_attempts=5)
"""What a lead does not depend on."""

UNHURRIED = RetryPolicy(initial_interval=timedelta(seconds=5), maximum_interval=timedelta(hours=1))
"""Telling others, for as long as the schedule-to-close time-out allows."""

RECONCILING = RetryPolicy(initial_interval=timedelta(seconds=2), maximum_interval=timedelta(seconds=15))
"""Questions about a doubtful call, until the schedule-to-close time-out."""

SQL_TIMEOUT = timedelta(seconds=20)

AT_ONCE = timedelta(seconds=10)
"""A next call this soon is not slept for. The database's now is never quite the workflow's."""

LINE_PATIENCE = timedelta(hours=1)
"""How long after its time a sleeping lead waits for a line before it says itself that it is due."""

PLACE_QUEUE_TIMEOUT = timedelta(seconds=60)
"""How long a call may wait for its turn on the dial queue. Its lease (30 s by default) refuses it before that."""

PLACE_TIMEOUT = timedelta(seconds=25)
"""Above TWILIO_TIMEOUT_SECONDS (10 s) twice, since the SDK counts it for connecting and for reading."""

CARRIER_TIMEOUT = timedelta(seconds=25)
CARRIER_PATIENCE = timedelta(minutes=2)

RECONCILE_PATIENCE = timedelta(minutes=12)
"""Above the longest lease and the margin of the carrier's list. After this the attempt counts as made, with an unknown
end: cheaper than ringing twice."""

AUDIO_TIMEOUT = timedelta(seconds=7)
AUDIO_PATIENCE = timedelta(seconds=15)
"""As a local activity it is one event. It must leave enough of the lease to place the call; the bridge can speak
without it."""

SUMMARY_TIMEOUT = timedelta(seconds=40)

FIRST_TRY_TIMEOUT = timedelta(seconds=6)
"""Of a local activity: a quick system costs one event, a slow one four, one that is away an activity of its own."""
WEBHOOK_TIMEOUT = timedelta(seconds=20)
WEBHOOK_PATIENCE = timedelta(days=1)
