"""What the documents say about settings and commands is what there is."""

import re
from pathlib import Path

from guanxi import COMMANDS
from shared.settings import Settings

ROOT = Path(__file__).parent.parent


def test_the_example_environment_names_every_setting() -> None:
    """deploy/env.example lists all settings, no others."""
    text = (ROOT / "deploy/env.example").read_text()
    named = set(re.findall(r"^#?GUANXI_([A-Z_]+)=", text, re.MULTILINE))
    assert named == {name.upper() for name in Settings.model_fields}


def test_the_readme_names_only_commands_that_exist() -> None:
    """Each `guanxi X` of README and docs is a subcommand."""
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for name in re.findall(r"`guanxi ([a-z-]+)", path.read_text()):
            assert name in COMMANDS, f"{path.name} names guanxi {name}"
