"""Writes an empty migration with the house's name: python -m shared.db.new_migration pre|post what_it_does."""

import re
import sys
from pathlib import Path

from alembic.script import ScriptDirectory

from shared.clock import SystemClock

MIGRATIONS = Path(__file__).parent / "migrations"


def main(arguments: list[str]) -> int:
    if len(arguments) != 2 or arguments[0] not in {"pre", "post"} or not re.fullmatch(r"[a-z0-9_]+", arguments[1]):
        sys.stderr.write("usage: make migration STAGE=pre|post NAME=lower_case_words\n")
        return 2
    stage, name = arguments
    scripts = ScriptDirectory(str(MIGRATIONS))
    stamp = f"{SystemClock().now():%Y%m%d_%H%M}"
    scripts.file_template = f"{stamp}_{stage}_{name}"
    made = scripts.generate_revision(f"{stamp}_{stage}_{name}", message=f"{name.replace('_', ' ').capitalize()}.")
    sys.stdout.write(f"{made.path if made else ''}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
