"""Pages: every list answers with `items` and the cursor of the next page."""

from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

Item = TypeVar("Item")

Limit = Annotated[int, Query(ge=1, le=200, description="Most items on the page")]
Cursor = Annotated[str | None, Query(max_length=100, description="`next` of the page before; leave out for the first")]


class Page(BaseModel, Generic[Item]):
    """A page of a list. Pages are keyed by id: items added meanwhile neither repeat nor shift."""

    items: list[Item]
    next: str | None = Field(None, description="Cursor of the next page; null on the last one")
