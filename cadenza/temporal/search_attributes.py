"""The search attributes: one list. They are never encrypted, so they hold no name and no number."""

from datetime import datetime

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey

CAMPAIGN_ID = SearchAttributeKey.for_keyword("CampaignId")
LEAD_STATE = SearchAttributeKey.for_keyword("LeadState")
"""calling, waiting or final, as in PostgreSQL: `due` counts as waiting here."""
LEAD_OUTCOME = SearchAttributeKey.for_keyword("LeadOutcome")
ATTEMPT_COUNT = SearchAttributeKey.for_int("AttemptCount")
NEXT_CALL_AT = SearchAttributeKey.for_datetime("NextCallAt")
"""Set when a lead falls asleep: in the future while it sleeps, past while it waits for a line."""

SEARCH_ATTRIBUTES: list[SearchAttributeKey[str] | SearchAttributeKey[int] | SearchAttributeKey[datetime]] = [
    CAMPAIGN_ID,
    LEAD_STATE,
    LEAD_OUTCOME,
    ATTEMPT_COUNT,
    NEXT_CALL_AT,
]


class SearchAttributeTypeError(Exception):
    """A search attribute exists with another type: Temporal would accept the list and change nothing."""


async def register_search_attributes(client: Client) -> None:
    """Add what is missing; raise SearchAttributeTypeError where a name is taken by another type."""
    wanted = {key.name: IndexedValueType.ValueType(int(key.indexed_value_type)) for key in SEARCH_ATTRIBUTES}
    listed = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    present = dict(listed.custom_attributes)
    wrong = [name for name, kind in wanted.items() if name in present and present[name] != kind]
    if wrong:
        raise SearchAttributeTypeError(
            f"search attribute {wrong[0]} exists with another type in namespace {client.namespace}: "
            f"remove it with `temporal operator search-attribute remove --name {wrong[0]}` and start again"
        )
    missing = {name: kind for name, kind in wanted.items() if name not in present}
    if missing:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(search_attributes=missing, namespace=client.namespace)
        )
