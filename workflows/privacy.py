"""Failures of activities without their words: databases and vendors put rows and requests into them.

A failure's message is kept in the workflow's history and shown to people. What we raise ourselves (ApplicationError)
is written for that; of anything else only the type passes.
"""

from typing import Any

from temporalio.exceptions import ApplicationError, FailureError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor


class PrivacyInterceptor(Interceptor):
    """For every worker."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _WithoutWords(next)


class _WithoutWords(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        try:
            return await super().execute_activity(input)
        except FailureError:
            raise
        except Exception as error:
            kind = type(error).__name__
            raise ApplicationError(kind, type=kind).with_traceback(error.__traceback__) from None
