"""What a lead's row says about where the person is, as the gate is told it."""

from cadenza.records.gate_facts import whereabouts


def test_what_a_row_says_is_kept_and_a_zone_that_does_not_exist_says_nothing() -> None:
    known = whereabouts({"country": "US", "state": "Florida", "postal_code": "33101"}, "Mars/Olympus")
    assert (known.country, known.state, known.postal_code, known.said_zone) == ("US", "Florida", "33101", "")
    assert whereabouts({}, "America/Chicago").said_zone == "America/Chicago"


def test_all_who_say_the_same_share_it() -> None:
    """Each number that was looked at keeps it: a long-lived process would grow by a kilobyte a call."""
    assert whereabouts({"state": "FL"}, "") is whereabouts({"state": "FL", "country": ""}, "")
