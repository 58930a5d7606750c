"""`cadenza demo`: the whole system and a whole campaign against the rehearsal world, with nothing but this machine."""

import asyncio
import json
import os
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cadenza.operations.api_client import ApiClient, ApiProblem, ApiUnreachable, api_key
from cadenza.operations.campaign_commands import follow, show_problem
from cadenza.operations.campaign_view import report_view, upload_view
from cadenza.operations.instance_lock import only_instance
from cadenza.operations.postgres_home import find_home
from cadenza.operations.processes import port_is_free
from cadenza.operations.rehearsal_environment import rehearsal_environment
from cadenza.operations.screen import console, show_error, show_state
from cadenza.operations.system import System, running_system
from cadenza.operations.up_command import START_FAILURES, explain
from cadenza.operations.user_requests import UserRequests
from cadenza.settings import Settings

HERE = Path(__file__).parent
PATIENCE_SECONDS = 600.0
"""A demo that takes longer has failed."""
LINES = 30
REHEARSAL_PORTS = 8
_SETTLE_SECONDS = 15.0
"""After the last outcome: recordings and summaries still come in."""


def run_demo(*, keep: bool | None) -> int:
    """Run it; returns the exit code: 0 when every lead has its one final outcome."""
    stay = sys.stdin.isatty() and console.is_terminal if keep is None else keep
    return asyncio.run(_run(stay))


async def _run(stay: bool) -> int:
    environment = demo_environment(Path(".cadenza") / "demo", usual_ports())
    settings = demo_settings(environment)
    requests = UserRequests()
    requests.listen()
    console.print(f"Cadenza demo: a rehearsal with simulated people; nothing leaves this machine ({settings.data_dir})")
    started = time.monotonic()
    try:
        forget_last_time(settings.data_dir)
        async with running_system(
            settings, overrides=environment, rehearsal=True, listener=show_state, stop_asked=requests.stop_asked
        ) as system:
            requests.watch(system)
            if requests.stop_asked.is_set():
                return 1
            console.print(f"Everything is up after {time.monotonic() - started:.1f} s\n")
            code = await _campaign_unless_stopped(system, requests)
            if stay and not requests.stop_asked.is_set():
                console.print("\nStill up: look around; Ctrl-C stops it")
                await requests.stop_asked.wait()
    except START_FAILURES as error:
        return explain(error)
    await asyncio.sleep(0.4)  # a temporalio client may crash the interpreter at a quick exit (sdk-python#300)
    return code


async def _campaign_unless_stopped(system: System, requests: UserRequests) -> int:
    campaign = asyncio.create_task(asyncio.to_thread(_run_campaign, system))
    stopping = asyncio.create_task(requests.stop_asked.wait())
    await asyncio.wait([campaign, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    return campaign.result() if campaign.done() else 1


def _run_campaign(system: System) -> int:
    settings = system.settings
    key = api_key(settings)
    if key is None:
        show_error("The API made no first key")
        return 1
    try:
        with ApiClient(settings.cadenza_api_url, key) as client:
            return _tell(client, settings)
    except ApiProblem as problem:
        show_problem(problem)
    except ApiUnreachable:
        show_error("The API stopped answering; its log is " + str(settings.data_dir / "logs" / "api.log"))
    return 1


def _tell(client: ApiClient, settings: Settings) -> int:
    campaign = client.post("/v1/campaigns", demo_campaign(settings))["id"]
    console.print(f"Campaign {campaign} created; uploading {HERE.name}/leads.csv over the API")
    console.print(upload_view(client.upload(f"/v1/campaigns/{campaign}/leads", HERE / "leads.csv")))
    console.print()
    client.post(f"/v1/campaigns/{campaign}/start")
    began = time.monotonic()
    follow(client, campaign, give_up_after=PATIENCE_SECONDS)
    report = _settled_report(client, campaign)
    console.print(f"\nFinished {time.monotonic() - began:.0f} s after the start\n")
    console.print(report_view(report))
    _show_addresses(settings, campaign)
    if report["unfinished"] or report["state"] != "completed":
        show_error(f"{report['unfinished']} leads have no final outcome")
        return 1
    return 0


def _settled_report(client: ApiClient, campaign: str) -> dict[str, Any]:
    """The report once its recordings are in, or after a short patience."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    report: dict[str, Any] = client.get(f"/v1/campaigns/{campaign}/report")
    while report["attempts"]["under_way"] and time.monotonic() < deadline:
        time.sleep(1.0)
        report = client.get(f"/v1/campaigns/{campaign}/report")
    return report


def _show_addresses(settings: Settings, campaign: str) -> None:
    api = f"http://{settings.api_host}:{settings.api_port}"
    console.print(f"API docs      {api}/docs  (key in {settings.data_dir / 'api_key'})", soft_wrap=True)
    console.print(f'Temporal UI   http://127.0.0.1:{settings.temporal_ui_port}/  (search: CampaignId="{campaign}")')
    console.print(
        f"Recordings    {(settings.data_dir / 'recordings').absolute()}  (agent left, person right)", soft_wrap=True
    )
    console.print(f"Transcripts   {api}/v1/calls?campaign={campaign}, then /v1/calls/ID/transcript", soft_wrap=True)


def demo_settings(environment: Mapping[str, str]) -> Settings:
    """The settings that the demo's processes will read from `environment`."""
    named = {name.lower(): value for name, value in environment.items() if value}
    return Settings.model_validate({name: value for name, value in named.items() if name in Settings.model_fields})


def demo_campaign(settings: Settings) -> dict[str, Any]:
    """The demo's campaign, its Calendly event types at the address in use."""
    campaign: dict[str, Any] = json.loads((HERE / "campaign.json").read_text())
    for rep in campaign["reps"]:
        if rep["provider"] == "calendly":
            rep["calendar_ref"] = f"{settings.calendly_base_url}/event_types/{rep['calendar_ref']}"
    return campaign


@dataclass(frozen=True)
class DemoPorts:
    """Where the demo listens. `rehearsal` is the first of eight."""

    rehearsal: int
    api: int
    bridge: int
    temporal: int
    temporal_ui: int


def usual_ports() -> DemoPorts:
    """The usual ports where they are free, others where not: a demo must not fail over a port."""
    return DemoPorts(
        rehearsal=_free_block(9100, REHEARSAL_PORTS),
        api=_free_block(8000),
        bridge=_free_block(8001),
        temporal=_free_block(7233),
        temporal_ui=_free_block(8233),
    )


def demo_environment(data_dir: Path, ports: DemoPorts) -> dict[str, str]:
    """Every setting of the demo's processes."""
    return {
        **_without_real_settings(os.environ),
        **rehearsal_environment(
            data_dir,
            rehearsal_port=ports.rehearsal,
            api_port=ports.api,
            bridge_port=ports.bridge,
            calls_per_second=1.0,  # what a new Twilio account has
        ),
        "MAX_LINES": str(LINES),
        "TEMPORAL_EMBEDDED_PORT": str(ports.temporal),
        "TEMPORAL_UI_PORT": str(ports.temporal_ui),
        "REHEARSAL_SEED": os.environ.get("REHEARSAL_SEED", "7"),
    }


def _without_real_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The user's own settings, blanked (blank counts as unset), and no `.env`: real keys stay out of the rehearsal."""
    return {"CADENZA_ENV_FILE": "", **{name: "" for name in environment if name.lower() in Settings.model_fields}}


def _free_block(first: int, length: int = 1) -> int:
    """`first`, or the next port after it in steps of ten from which `length` ports are free."""
    candidate = first
    while not all(port_is_free(port) for port in range(candidate, candidate + length)):
        candidate += 10
    return candidate


def forget_last_time(data_dir: Path) -> None:
    """Each demo starts from nothing. Raises AlreadyRunning while another demo holds the folder."""
    home = find_home(data_dir.absolute() / "postgres")
    with only_instance(data_dir.absolute()):
        shutil.rmtree(home.data, ignore_errors=True)
        for item in data_dir.iterdir():
            if item.name != "run":  # holds the lock, and the marks of processes that a killed demo left
                shutil.rmtree(item) if item.is_dir() else item.unlink()
