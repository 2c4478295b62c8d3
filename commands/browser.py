"""Finds the browser that tests look at pages with; `make setup-dev` installs it where apt-get can."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_browser() -> str:
    """
    Raises:
        FileNotFoundError: none is installed.
    """
    for name in NAMES:
        if found := shutil.which(name):
            return found
    raise FileNotFoundError("tests of pages need Chromium: `apt-get install chromium`, or `make setup-dev` as root")


def main() -> None:
    """Does nothing where there is one, or where this user cannot install any: then those tests say what they need."""
    if any(map(shutil.which, NAMES)) or shutil.which("apt-get") is None or os.geteuid() != 0:
        return
    print("Installing Chromium for the tests of pages (apt-get) ...", flush=True)  # noqa: T201 - for whoever typed make
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    update = ["apt-get", "update", "-qq"]
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"]
    for command in (update, [*install, "chromium"]):  # lists that cannot be brought up to date may still do
        done = subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=False)  # noqa: S603 - our own
    if done.returncode != 0:
        sys.stderr.write("Chromium could not be installed; tests of pages will fail and say so\n")


if __name__ == "__main__":
    main()
