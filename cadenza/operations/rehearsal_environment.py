"""The settings that point every vendor's address at the rehearsal world. No process can tell the difference otherwise:
addresses and keys are all that changes."""

from pathlib import Path

RULES = Path(__file__).with_name("rehearsal_rules.json")
"""An overlay such as an operator writes: nobody lives at the rehearsal's numbers, and it may run at any hour. What the
numbers are, suppressions and the campaigns' own hours and caps hold as they are."""


def rehearsal_environment(
    data_dir: Path,
    *,
    rehearsal_port: int = 9100,
    api_port: int = 8000,
    bridge_port: int = 8001,
    calls_per_second: float = 10.0,
) -> dict[str, str]:
    """Environment variables of a system whose vendors are the eight ports from `rehearsal_port`."""
    here = "127.0.0.1"

    def vendor(offset: int, scheme: str = "http") -> str:
        return f"{scheme}://{here}:{rehearsal_port + offset}"

    return {
        "DATA_DIR": str(data_dir),
        "API_PORT": str(api_port),
        "BRIDGE_PORT": str(bridge_port),
        "PUBLIC_BASE_URL": f"http://{here}:{api_port}",
        "CADENZA_API_URL": f"http://{here}:{api_port}",
        "BRIDGE_PUBLIC_URL": f"ws://{here}:{bridge_port}",
        "SIGNING_SECRET": "rehearsal-only-signing-secret",
        "CALLING_RULES": str(RULES),
        "REHEARSAL_PORT": str(rehearsal_port),
        "CALLS_PER_SECOND": f"{calls_per_second:g}",
        "TWILIO_BASE_URL": vendor(0),
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 31 + "1",
        "TWILIO_AUTH_TOKEN": "rehearsal-twilio-token",
        "TWILIO_FROM_NUMBER": "+12025550199",
        "ASSEMBLYAI_STREAMING_URL": vendor(1, "ws"),
        "ASSEMBLYAI_API_KEY": "rehearsal-assemblyai-key",
        "OPENAI_BASE_URL": vendor(2) + "/v1",
        "OPENAI_API_KEY": "rehearsal-openai-key",
        "ELEVENLABS_BASE_URL": vendor(3),
        "ELEVENLABS_API_KEY": "rehearsal-elevenlabs-key",
        "CALENDLY_BASE_URL": vendor(4),
        "CALENDLY_TOKEN": "rehearsal-calendly-token",
        "MICROSOFT_LOGIN_URL": vendor(5, "https"),
        "MICROSOFT_GRAPH_URL": vendor(6),
        "MICROSOFT_CA_BUNDLE": str(data_dir / "rehearsal" / "ca.pem"),
        "MICROSOFT_TENANT_ID": "11111111-2222-4333-8444-555555555555",
        "MICROSOFT_CLIENT_ID": "66666666-7777-4888-8999-aaaaaaaaaaaa",
        "MICROSOFT_CLIENT_SECRET": "rehearsal-microsoft-secret",
    }
