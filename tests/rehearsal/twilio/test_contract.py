"""Responses of the emulator against Twilio's own OpenAPI document."""

import json
import os
import re
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from rehearsal.twilio.server import TwilioEmulator
from tests.rehearsal.twilio.conftest import ACCOUNT, FROM, TOKEN, System, eventually

_DEFAULT = Path(__file__).resolve().parents[3].parent / "shared" / "reference" / "specs"
SPEC = Path(os.environ.get("CADENZA_SPECS_DIR", _DEFAULT)) / "twilio" / "twilio_api_v2010.json"
ACCOUNT_PATH = "/2010-04-01/Accounts/{AccountSid}"

pytestmark = pytest.mark.skipif(not SPEC.is_file(), reason="Twilio's OpenAPI document is not here")


@cache
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(SPEC.read_text())
    return loaded


def translated(schema: Any) -> Any:
    """OpenAPI 3.0 to JSON Schema: `nullable` becomes a type, references are looked up in place."""
    if isinstance(schema, list):
        return [translated(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return translated(document()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
    result = {key: translated(value) for key, value in schema.items() if key not in {"nullable", "example"}}
    if schema.get("nullable") and isinstance(schema.get("type"), str):
        result["type"] = [schema["type"], "null"]
    return result


def check(body: Any, path: str, method: str, status: str) -> None:
    answer = document()["paths"][path][method]["responses"][status]
    schema = translated(answer["content"]["application/json"]["schema"])
    Draft202012Validator(schema).validate(body)
    assert set(body) <= set(schema["properties"])


def check_dates(resource: dict[str, Any]) -> None:
    for name in ("date_created", "date_updated", "start_time", "end_time"):
        if resource[name] is not None:
            assert re.fullmatch(r"\w{3}, \d{2} \w{3} \d{4} \d\d:\d\d:\d\d \+0000", resource[name])
            parsedate_to_datetime(resource[name])


async def test_answers_fit_the_published_schemas(place: Any, system: System, emulator: TwilioEmulator) -> None:
    system.twiml = "<Response><Say>Hello.</Say></Response>"
    base = f"http://127.0.0.1:{emulator.port}/2010-04-01/Accounts/{ACCOUNT}"
    async with httpx.AsyncClient(auth=(ACCOUNT, TOKEN)) as http:
        account = (await http.get(f"{base}.json")).json()
        check(account, f"{ACCOUNT_PATH.replace('{AccountSid}', '{Sid}')}.json", "get", "200")
        numbers = (await http.get(f"{base}/IncomingPhoneNumbers.json")).json()
        check(numbers, f"{ACCOUNT_PATH}/IncomingPhoneNumbers.json", "get", "200")
        assert [number["phone_number"] for number in numbers["incoming_phone_numbers"]] == [FROM]
        created = await http.post(
            f"{base}/Calls.json",
            data={
                "To": "+13125550101",
                "From": "+13125550100",
                "Url": system.url("/answer"),
                "StatusCallback": system.url("/status"),
                "Record": "true",
            },
        )
        assert created.status_code == 201
        call = created.json()
        check(call, f"{ACCOUNT_PATH}/Calls.json", "post", "201")
        assert call["status"] == "queued"
        await eventually(lambda: "completed" in system.statuses(), 15)
        fetched = (await http.get(f"{base}/Calls/{call['sid']}.json")).json()
        check(fetched, f"{ACCOUNT_PATH}/Calls/{{Sid}}.json", "get", "200")
        check_dates(fetched)
        listed = (await http.get(f"{base}/Calls.json", params={"To": "+13125550101"})).json()
        check(listed, f"{ACCOUNT_PATH}/Calls.json", "get", "200")
        assert [shown["sid"] for shown in listed["calls"]] == [call["sid"]]
        recordings = (await http.get(f"{base}/Calls/{call['sid']}/Recordings.json")).json()
        check(recordings, f"{ACCOUNT_PATH}/Recordings.json", "get", "200")
        recording = (await http.get(f"{base}/Recordings/{recordings['recordings'][0]['sid']}.json")).json()
        check(recording, f"{ACCOUNT_PATH}/Recordings/{{Sid}}.json", "get", "200")
        removed = await http.delete(f"{base}/Recordings/{recording['sid']}.json")
        assert removed.status_code == 204
        missing = await http.get(f"{base}/Recordings/{recording['sid']}.json")
        assert (missing.status_code, missing.json()["code"]) == (404, 20404)
        for unknown in (f"{base}/Nothing.json", f"{base}/Calls/CA{'0' * 32}.json"):
            assert (await http.get(unknown)).json()["code"] == 20404


async def test_a_recording_that_is_stopped_fits_the_published_schema(
    place: Any, system: System, emulator: TwilioEmulator
) -> None:
    system.twiml = '<Response><Pause length="20"/></Response>'
    call = await place("+13125550101", record=True)
    recording = f"http://127.0.0.1:{emulator.port}/2010-04-01/Accounts/{ACCOUNT}/Calls/{call.sid}/Recordings"
    async with httpx.AsyncClient(auth=(ACCOUNT, TOKEN)) as http:
        await eventually(lambda: "in-progress" in system.statuses())
        wrong = await http.post(f"{recording}/Twilio.CURRENT.json", data={"Status": "deleted"})
        assert wrong.status_code == 400
        stopped = await http.post(f"{recording}/Twilio.CURRENT.json", data={"Status": "stopped"})
        assert stopped.status_code == 200
        check(stopped.json(), f"{ACCOUNT_PATH}/Calls/{{CallSid}}/Recordings/{{Sid}}.json", "post", "200")
        again = await http.post(f"{recording}/Twilio.CURRENT.json", data={"Status": "stopped"})
        assert (again.status_code, again.json()["code"]) == (404, 20404)
