"""The process that carries out jobs: `python -m sync_worker.files`, started by a worker; ends when none is due."""

import resource

from shared.runtime import open_runtime
from shared.settings import load_settings
from shared.supervise import exit_with_parent
from shared.telemetry import configure_logging
from sync_worker.files.job import work_once


def main() -> None:
    settings = load_settings()
    configure_logging(settings, process="files")
    if settings.parent_pid is not None:
        exit_with_parent(settings.parent_pid)
    most = settings.files_memory_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    runtime = open_runtime(settings, application="files", pool_size=2)
    while work_once(runtime):
        pass


main()
