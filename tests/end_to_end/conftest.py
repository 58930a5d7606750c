"""A whole system on free ports: every process real, the vendors and the people simulated on their real protocols."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from cadenza.operations.api_client import ApiClient, ApiProblem, ApiUnreachable, api_key
from cadenza.operations.demo.demo_command import (
    DemoPorts,
    demo_campaign,
    demo_environment,
    demo_settings,
)
from cadenza.operations.processes import free_block, free_port
from cadenza.operations.system import System, running_system
from tests.support.servers import open_folder

TERMINAL = {"completed", "cancelled"}


@dataclass
class Rehearsal:
    """A running system and the means to look at it from outside."""

    system: System
    api: ApiClient
    control: httpx.AsyncClient

    async def call(self, method: str, path: str, *arguments: Any, **more: Any) -> Any:
        """One API request, made again while the API is being restarted."""
        for _ in range(60):
            try:
                return await asyncio.to_thread(getattr(self.api, method), path, *arguments, **more)
            except ApiUnreachable:
                await asyncio.sleep(0.5)
            except ApiProblem as problem:
                if problem.status < 500:
                    raise
                await asyncio.sleep(0.5)
        raise AssertionError("the API did not come back")

    async def campaign(self, numbers: list[str], **policy: Any) -> str:
        """A campaign over fictional numbers, ready to start."""
        body = demo_campaign(self.system.settings)
        body["policy"] |= policy
        campaign: str = (await self.call("post", "/v1/campaigns", body))["id"]
        folder = self.system.settings.data_dir / "uploads-of-test"
        folder.mkdir(exist_ok=True)
        file = folder / f"{campaign}.csv"
        file.write_text(_lead_file(numbers))
        result = await self.call("upload", f"/v1/campaigns/{campaign}/leads", file)
        assert result["accepted"] == len(numbers), result
        return campaign

    async def until_over(self, campaign: str, patience: float) -> dict[str, Any]:
        """Wait for the campaign's end; returns its report."""
        deadline = asyncio.get_running_loop().time() + patience
        while True:
            progress = await self.call("get", f"/v1/campaigns/{campaign}/progress")
            if progress["state"] in TERMINAL and progress["finished"] == progress["leads"]:
                return dict(await self.call("get", f"/v1/campaigns/{campaign}/report"))
            assert asyncio.get_running_loop().time() < deadline, json.dumps(progress, indent=1)
            await asyncio.sleep(0.5)

    async def outcomes(self, campaign: str) -> dict[str, str]:
        """Final outcome by the last two digits of the number."""
        leads = (await self.call("get", "/v1/leads", campaign=campaign, limit=200))["items"]
        return {lead["phone"][-2:]: lead["outcome"] for lead in leads}

    async def story(self, campaign: str, endings: Iterable[str]) -> str:
        """All calls with these numbers in words, for people who look at a failed test."""
        calls = (await self.call("get", "/v1/calls", campaign=campaign, limit=200))["items"]
        leads = (await self.call("get", "/v1/leads", campaign=campaign, limit=200))["items"]
        chosen = {lead["id"] for lead in leads if lead["phone"][-2:] in set(endings)}
        lines = []
        for call in (call for call in calls if call["lead_id"] in chosen):
            lines.append(f"{call['id']} {call['outcome']} ({call['outcome_reason']})")
            turns = (await self.call("get", f"/v1/calls/{call['id']}/transcript"))["turns"]
            lines += [
                f"    {turn['speaker']:7} {turn['text'] or turn['tool']} {turn['latency'] or ''}" for turn in turns
            ]
        return "\n".join(lines)

    async def truth(self, kind: str) -> list[dict[str, Any]]:
        """What really happened in the world."""
        answer = (await self.control.get("/truth", params={"kind": kind})).json()
        events: list[dict[str, Any]] = answer if isinstance(answer, list) else answer["events"]
        return events

    async def order_fault(self, **fault: Any) -> None:
        (await self.control.post("/faults", json=[fault])).raise_for_status()


@asynccontextmanager
async def rehearsal(**overrides: str) -> AsyncIterator[Rehearsal]:
    """Everything, started and stopped."""
    with open_folder("cadenza-end-to-end-") as folder:
        ports = DemoPorts(free_block(8), *(free_port() for _ in range(4)))
        environment = demo_environment(Path(folder) / "data", ports) | {"CALLS_PER_SECOND": "5"} | overrides
        settings = demo_settings(environment)
        async with running_system(settings, overrides=environment, rehearsal=True) as system:
            key = api_key(settings)
            assert key is not None
            control = f"http://127.0.0.1:{settings.rehearsal_port + 7}"
            with ApiClient(settings.cadenza_api_url, key) as api:
                async with httpx.AsyncClient(base_url=control) as client:
                    yield Rehearsal(system, api, client)
        await asyncio.sleep(0.4)


def _lead_file(numbers: list[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["First Name", "Last Name", "Phone", "Email"])
    for index, number in enumerate(numbers):
        writer.writerow([f"Test{index}", "Person", number, f"person{index}@example.com"])
    return text.getvalue()
