"""What a person may ask for: what is known of them, its erasure; and the evidence for a lead."""

from dataclasses import asdict

from fastapi import APIRouter
from fastapi.encoders import jsonable_encoder

from api.authorship import Author
from api.context import Context
from api.problems import not_found
from api.routes.answers import guarded
from api.routes.phones import read_any_phone
from api.schemas.compliance import ErasedOut, EraseIn, EvidenceOut, PersonExport, PersonIn
from cadenza.records.audit import note_change
from cadenza.records.evidence import read_evidence
from cadenza.records.leads import get_lead, list_consents
from cadenza.records.people import KEPT, erase_person, export_person
from cadenza.records.suppressions import list_suppression_events

router = APIRouter(prefix="/v1", tags=["People"])


@router.post("/people/export", summary="Export all that is known of a number", responses=guarded())
async def export(body: PersonIn, context: Context, author: Author) -> PersonExport:
    """Over all campaigns: leads, calls, transcripts, evidence, consents, suppressions. The export itself is logged."""
    number = read_any_phone(body.phone, body.country, "phone")
    async with context.database.transaction() as session:
        known = await export_person(session, number)
        await note_change(session, "person.exported", who=author.who, why=author.why, phone=number)
    return PersonExport.model_validate(jsonable_encoder(known))


@router.post("/people/erase", summary="Erase a person", responses=guarded())
async def erase(body: EraseIn, context: Context, author: Author) -> ErasedOut:
    """Names, e-mails, addresses, custom fields, transcripts and recordings, here and at the carrier. What the law needs
    stays, and the answer says what and why. Asking again erases what came since."""
    number = read_any_phone(body.phone, body.country, "phone")
    async with context.database.transaction() as session:
        erased = await erase_person(session, number, who=author.who, why=body.reason, suppress=body.suppress)
    if erased.recordings:
        await context.orchestration.delete_recordings()
    return ErasedOut(**asdict(erased), is_complete=erased.is_complete, kept=KEPT)


@router.get("/leads/{lead_id}/evidence", summary="Read a lead's evidence", responses=guarded(404))
async def evidence(lead_id: str, context: Context) -> EvidenceOut:
    """What was played to the callee, when, and whether it was heard; consents with their proof; who asked not to be
    called."""
    async with context.database.transaction() as session:
        lead = await get_lead(session, lead_id)
        if lead is None:
            raise not_found("lead", "GET /v1/leads lists them")
        calls = (await read_evidence(session, [lead_id]))[lead_id]
        consents = await list_consents(session, lead.phone)
        events = await list_suppression_events(session, lead.phone)
    return EvidenceOut.model_validate(
        {
            "lead_id": lead_id,
            "campaign_id": lead.campaign_id,
            "calls": [asdict(call) for call in calls],
            "consents": [consent.model_dump() for consent in consents],
            "suppressions": [event.model_dump() for event in events],
        }
    )
