"""Text messages to our numbers: STOP is an opt-out like any other."""

import structlog
from fastapi import APIRouter, Response

from api.context import Context
from api.routes.answers import errors
from api.webhooks.patience import PatientRoute
from api.webhooks.signature import SignedForm
from cadenza.domain.phone import PhoneRefused, parse_any_phone
from cadenza.domain.suppression import ReplyMeaning, SuppressionSource, read_reply
from cadenza.records.events import store_event
from cadenza.records.suppressions import lift_by_reply, suppress_number

router = APIRouter(prefix="/webhooks/twilio", tags=["Carrier"], route_class=PatientRoute)
_log = structlog.get_logger("api.messages")
_NO_REPLY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {"type": "object", "additionalProperties": {"type": "string"}},
                "example": {"MessageSid": "SM" + "0" * 31 + "1", "From": "+12125550123", "Body": "STOP"},
            }
        },
    }
}


@router.post(
    "/message",
    summary="A text message came in",
    response_class=Response,
    responses={
        200: {"description": "TwiML", "content": {"application/xml": {"schema": {"type": "string"}}}},
        **errors(403, 413, 422),
    },
    openapi_extra=_FORM,
)
async def message(form: SignedForm, context: Context) -> Response:
    """STOP, STOPALL, UNSUBSCRIBE, CANCEL, END, QUIT, or plain words of the same meaning, suppress the sender's number
    in every campaign. START lifts it only where it was asked for by message and in no other way. Nothing is answered:
    the carrier confirms STOP and START by itself."""
    sid = str(form.get("MessageSid", ""))[:64]
    meaning = read_reply(str(form.get("Body", ""))[:2000], str(form.get("OptOutType", "")))
    try:
        phone = parse_any_phone(str(form.get("From", "")), "US")
    except PhoneRefused:
        phone = ""
    if meaning is ReplyMeaning.NOTHING or not phone:
        _log.info("message", meaning=meaning.value, from_a_number=bool(phone))
        return Response(_NO_REPLY, media_type="application/xml")
    async with context.database.transaction() as session:
        is_new = await store_event(
            session, attempt_id="", kind="message", fingerprint=f"message {sid}", call_sid="",
            payload={"MessageSid": sid, "meaning": meaning.value}, is_delivered=True,
        )  # fmt: skip
        if is_new is None:
            pass  # the carrier sent it again: a START that comes late must not undo a STOP that came after it
        elif meaning is ReplyMeaning.STOP:
            await suppress_number(
                session, phone, reason="asked by text message", source=SuppressionSource.REPLY, reference=sid
            )
        else:
            lifted = await lift_by_reply(session, phone, reference=sid)
            _log.info("start by message", lifted=lifted)
    return Response(_NO_REPLY, media_type="application/xml")
