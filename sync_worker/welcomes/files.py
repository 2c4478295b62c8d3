"""Uploads files of welcome rules before anybody needs them, and again before WeCom forgets them."""

from functools import partial

import structlog

from services.welcomes.files import (
    DueFile,
    record_not_uploaded,
    record_uploaded,
    take_due_file,
    tenants_with_due_files,
)
from shared.db.engine import describe
from shared.directory import Directory
from shared.errors import RetryableError, TerminalError
from shared.runtime import Runtime
from shared.tenants import Tenant
from shared.wecom.apis import Priority
from shared.wecom.clients import Clients
from shared.wecom.transport import Upload
from sync_worker.looking import Looking, each_alone

LOOK_EVERY_S = 5.0
MEDIA_TYPES = {"image": "image/jpeg", "video": "video/mp4", "file": "application/octet-stream"}

log = structlog.get_logger()


def keep_welcome_files(runtime: Runtime, *, directory: Directory, clients: Clients) -> Looking:
    """The thread."""
    return Looking("welcome-files", lambda: upload_due(runtime, directory, clients), every_s=LOOK_EVERY_S)


def upload_due(runtime: Runtime, directory: Directory, clients: Clients) -> int:
    """One file of each corp that has some to upload; how many there were."""
    with runtime.engine.begin() as connection:
        due = tenants_with_due_files(connection, now=runtime.clock.now())
        usable = directory.usable(connection, due)
    work = partial(_upload_next, runtime, clients)
    return each_alone(usable.values(), work, what="welcome-files", tenant_of=lambda one: one.id)


def _upload_next(runtime: Runtime, clients: Clients, tenant: Tenant) -> int:
    with runtime.engine.begin() as connection:
        file = take_due_file(connection, tenant, now=runtime.clock.now())
    if file is None:
        return 0
    try:
        media_id = _uploaded(clients, tenant, file)
    except (RetryableError, TerminalError, ValueError) as error:
        log.warning("welcome_file.not_uploaded", tenant_id=tenant.id, file_id=file.id, reason=describe(error))
        with runtime.engine.begin() as connection:
            record_not_uploaded(connection, tenant.id, file.id, describe(error), now=runtime.clock.now())
        return 1
    with runtime.engine.begin() as connection:
        record_uploaded(connection, tenant.id, file.id, media_id, at=runtime.clock.now())
    return 1


def _uploaded(clients: Clients, tenant: Tenant, file: DueFile) -> str:
    upload = Upload(file.name, file.body, MEDIA_TYPES[file.kind])
    return clients.of(tenant).at(Priority.REMINDERS).media.upload(file.kind, upload).media_id
