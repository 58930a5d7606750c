"""A failure's words stay out of histories unless we wrote them."""

import base64
import gzip
import re
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from workflows.privacy import PrivacyInterceptor


class Failing(ActivityInboundInterceptor):
    def __init__(self, error: Exception) -> None:
        self.error = error

    async def execute_activity(self, input: ExecuteActivityInput) -> object:
        raise self.error


async def run(error: Exception) -> ApplicationError:
    interceptor = PrivacyInterceptor().intercept_activity(Failing(error))
    given = ExecuteActivityInput(fn=lambda: None, args=[], executor=None, headers={})
    with pytest.raises(ApplicationError) as failure:
        await ActivityEnvironment().run(interceptor.execute_activity, given)
    return failure.value


async def test_a_foreign_error_passes_as_its_type_only() -> None:
    failure = await run(ValueError("+12125550123 is not a row"))
    assert (failure.message, failure.type, failure.__cause__) == ("ValueError", "ValueError", None)
    assert not failure.non_retryable


async def test_our_own_errors_pass_as_they_are() -> None:
    ours = ApplicationError("the call may still show up", type="still_doubtful")
    assert await run(ours) is ours


def test_no_payload_of_the_recorded_lives_holds_a_number_or_an_address() -> None:
    """Messages, inputs and results carry ids only, so an erasure need not reach Temporal."""
    files = sorted((Path(__file__).parent / "histories").glob("*.json.gz"))
    assert files
    for file in files:
        for data in re.findall(r'"data":\s*"([^"]+)"', gzip.decompress(file.read_bytes()).decode()):
            payload = base64.b64decode(data).decode("utf-8", "replace")
            assert not re.search(r"\+\d{8,}|\w@\w+\.\w", payload), (file.name, payload[:200])
