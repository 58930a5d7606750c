"""The language model that writes summaries, behind OpenAI's SDK.

A module of its own, since the SDK takes about a second to import: see `AfterCallActivities`.
"""

import openai
import orjson
from openai import AsyncOpenAI
from pydantic import BaseModel
from temporalio.exceptions import ApplicationError

from cadenza.settings import Settings

MODEL_UNAVAILABLE = "model_unavailable"
MODEL_REFUSED = "model_refused"
_REQUEST_SECONDS = 30.0


class SummaryModel:
    """One client for each worker process."""

    def __init__(self, settings: Settings) -> None:
        self._client = AsyncOpenAI(
            api_key=settings.openai_api_key.get_secret_value() or "unset",
            base_url=settings.openai_base_url,
            max_retries=0,  # retries are the workflow's
            timeout=_REQUEST_SECONDS,
        )

    async def close(self) -> None:
        await self._client.close()

    async def fill(
        self, schema: type[BaseModel], model: str, instructions: str, material: dict[str, object]
    ) -> tuple[str, int]:
        """JSON that should fit the schema, and the tokens it took. Raises ApplicationError with codes only."""
        try:
            answer = await self._client.chat.completions.create(
                model=model,
                messages=[
                    {"role": "system", "content": instructions},
                    {"role": "user", "content": orjson.dumps(material).decode()},
                ],
                response_format={
                    "type": "json_schema",
                    "json_schema": {"name": "call_summary", "strict": True, "schema": schema.model_json_schema()},
                },
            )
        except openai.RateLimitError as error:
            final = error.code == "insufficient_quota"
            raise ApplicationError(
                f"model: {error.code}", type=MODEL_REFUSED if final else MODEL_UNAVAILABLE, non_retryable=final
            ) from None
        except openai.APIStatusError as error:
            final = error.status_code < 500
            raise ApplicationError(
                f"model: status {error.status_code}",
                type=MODEL_REFUSED if final else MODEL_UNAVAILABLE,
                non_retryable=final,
            ) from None
        except openai.APIError as error:
            raise ApplicationError(f"model: {type(error).__name__}", type=MODEL_UNAVAILABLE) from None
        content = answer.choices[0].message.content if answer.choices else None
        return content or "", answer.usage.total_tokens if answer.usage else 0
