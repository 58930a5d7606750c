"""A failure's words stay out of histories unless we wrote them."""

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
