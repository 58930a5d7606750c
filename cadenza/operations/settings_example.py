"""`.env.example`, generated from the settings themselves, so that the two cannot drift apart."""

import inspect
import re
from pathlib import Path

from pydantic import SecretStr

from cadenza.settings import Settings

EXAMPLE_FILE = ".env.example"
_HEAD = """\
# Every setting of Cadenza, with its default. Copy this file to .env and fill in what you need; lines that stay
# commented out keep their default. Written by `cadenza settings --write`: do not edit it by hand.
"""


def settings_example() -> str:
    """The text of `.env.example`: sections and order as in the source, each setting under its description."""
    sections = _sections()
    lines = [_HEAD.rstrip()]
    for name, field in Settings.model_fields.items():
        if name in sections:
            lines += ["", f"# --- {sections[name]}"]
        lines += ["", f"# {field.description}", f"#{name.upper()}={_text(field.default)}"]
    return "\n".join(lines) + "\n"


def _text(default: object) -> str:
    if default is None:
        return ""
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, Path):
        return default.as_posix()
    return str(default)


def _sections() -> dict[str, str]:
    """First setting of each section to the section's comment in the source."""
    sections: dict[str, str] = {}
    heading: str | None = None
    for line in inspect.getsource(Settings).splitlines():
        if comment := re.fullmatch(r"    # (.+)", line):
            heading = comment[1]
        elif heading and (setting := re.match(r"    (\w+): ", line)):
            sections[setting[1]] = heading
            heading = None
    return sections
