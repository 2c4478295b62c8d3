"""Migrations that may have been applied somewhere stay as they were."""

import hashlib
from pathlib import Path

VERSIONS = Path(__file__).parents[3] / "shared" / "db" / "migrations" / "versions"
APPLIED = Path(__file__).with_name("applied.txt")


def test_an_applied_migration_is_never_edited():
    """A database that ran the older text would never get what was added: that goes into a migration of its own.

    What is new is added to applied.txt when it goes out: its name and the SHA-256 of its bytes.
    """
    for line in APPLIED.read_text().splitlines():
        name, digest = line.split()
        assert hashlib.sha256((VERSIONS / name).read_bytes()).hexdigest() == digest, name
