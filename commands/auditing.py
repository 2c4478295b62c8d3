"""What every command that changes something does: say who did it, and leave a line in the audit (ACC-2).

The line is written in the transaction of the change. A test finds a command that changes something and is not marked.
"""

import os
import pwd
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click
from sqlalchemy import Connection

from commands.ids import a_text
from services.customers.model import CONTACT
from services.persons.model import CUSTOMER, EXTERNAL_USERID
from services.persons.store import find_customers
from shared.audit import Change, Origin, record_audit
from shared.ids import ExternalUserId
from shared.runtime import Runtime
from shared.tenants import Tenant

MARK = "guanxi_writes"
Function = TypeVar("Function", bound=Callable[..., Any])

BY = click.option(
    "--by", type=a_text, metavar="NAME", help="Who does it; stands in the audit. Without it, this machine's account."
)


def writes(*actions: str) -> Callable[[Function], Function]:
    """Mark a command that changes something; `actions`: what its lines in the audit may say."""

    def mark(function: Function) -> Function:
        setattr(function, MARK, actions)
        return function

    return mark


def actor_of(by: str | None) -> str:
    """Who acts, as the audit names them: operator:NAME, or account:NAME of this machine."""
    if by is not None:
        return f"operator:{by}"
    try:
        return f"account:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:  # a container may run as a number that nobody has
        return f"account:{os.getuid()}"


def audited(
    connection: Connection, runtime: Runtime, tenant: Tenant, changes: Sequence[Change], *, by: str | None
) -> None:
    record_audit(connection, tenant, changes, Origin(actor_of(by), None, runtime.clock.now()))


def subject_of(connection: Connection, tenant: Tenant, external_userid: str) -> tuple[str, str]:
    """What the audit names for a contact: the customer, where they are known as one."""
    key = (EXTERNAL_USERID, ExternalUserId(external_userid).encode())
    found = find_customers(connection, tenant.id, [key])[key]
    return (CUSTOMER, str(min(found))) if found else (CONTACT, external_userid)
