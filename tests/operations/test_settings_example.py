"""`.env.example` and the settings do not drift apart."""

from pathlib import Path

from cadenza.operations.settings_example import EXAMPLE_FILE, settings_example
from cadenza.settings import Settings

ROOT = Path(__file__).parents[2]


def test_the_committed_example_is_what_the_settings_generate() -> None:
    assert (ROOT / EXAMPLE_FILE).read_text() == settings_example(), "run `cadenza settings --write`"


def test_every_setting_is_in_the_example_with_a_description() -> None:
    lines = settings_example().splitlines()
    for name, field in Settings.model_fields.items():
        assert any(line.startswith(f"#{name.upper()}=") for line in lines), name
        assert field.description, name


def test_the_example_with_every_line_switched_on_gives_the_defaults(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    lines = settings_example().splitlines()
    env_file.write_text(
        "\n".join(line[1:] for line in lines if line.startswith("#") and line[1:2].isupper() and "=" in line)
    )
    assert Settings(_env_file=env_file) == Settings(_env_file=None)  # type: ignore[call-arg]
