"""Installs into .venv what a lock-file pins: `python3 commands/setup_venv.py run|dev`, for `make`.

Runs before anything is installed, so it needs the standard library only. Does nothing when all is there; two at once
take turns; an installation that was interrupted, or whose Python is gone, is made again.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STEPS = {
    "run": ("requirements.lock", "what Guanxi runs on"),
    "dev": ("requirements-dev.lock", "what tests and checks need"),
}
# It finds itself, so a clone can be moved and its path may hold anything.
WRAPPER = """#!/bin/sh
bin=$(dirname -- "$(readlink -f -- "$0")")
exec "$bin/python" "$bin/../../guanxi.py" "$@"
"""


def main(wanted: str) -> None:
    steps = ["run", "dev"] if wanted == "dev" else ["run"]
    if all(map(_is_installed, steps)) and _runs("import click"):
        return
    if sys.version_info < (3, 11):  # noqa: UP036 - whoever starts this may have an older one
        sys.exit("Guanxi needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")
    handle = os.open(ROOT, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)  # until this process ends
    if not _runs("import pip"):
        _run(sys.executable, "-m", "venv", "--clear", str(VENV))
    if not _runs("import click"):
        for step in STEPS:
            _stamp(step).unlink(missing_ok=True)
    for step in steps:
        if not _is_installed(step):
            _install(step)


def _install(step: str) -> None:
    lock, what = STEPS[step]
    print(f"Installing {what} into .venv (hash-checked) ...", flush=True)  # noqa: T201 - for whoever typed make
    options = ["--quiet", "--disable-pip-version-check", "--require-hashes"]
    _run(str(PYTHON), "-m", "pip", "install", *options, "-r", str(ROOT / lock))
    wrapper = VENV / "bin" / "guanxi"
    fresh = wrapper.with_suffix(".new")
    fresh.write_text(WRAPPER)
    fresh.chmod(0o755)
    fresh.replace(wrapper)
    _stamp(step).write_text(_checksum(step))


def _is_installed(step: str) -> bool:
    return _stamp(step).exists() and _stamp(step).read_text() == _checksum(step)


def _stamp(step: str) -> Path:
    return VENV / f".{step}"


def _checksum(step: str) -> str:
    return hashlib.sha256((ROOT / STEPS[step][0]).read_bytes() + WRAPPER.encode()).hexdigest()


def _runs(code: str) -> bool:
    """Whether .venv has a Python that runs: it does not when the one it was made from is gone."""
    try:
        done = subprocess.run([str(PYTHON), "-c", code], check=False, capture_output=True)  # noqa: S603 - our own
    except OSError:
        return False
    return done.returncode == 0


def _run(*command: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "HOME" or value}
    if "HOME" not in environment:  # pip would keep its cache wherever it stands
        environment["PIP_NO_CACHE_DIR"] = "1"
    code = subprocess.run(command, check=False, env=environment, cwd=ROOT).returncode  # noqa: S603 - our own
    if code != 0:
        sys.exit(code)


if __name__ == "__main__":
    main(sys.argv[1])
