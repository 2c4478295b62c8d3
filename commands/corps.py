"""Which corp a command means, and which resources."""

from collections.abc import Mapping, Sequence

import click

from shared.runtime import Runtime
from shared.tenants import Tenant, load_tenants

RESOURCES: Mapping[str, str] = {
    "directory": "directory",
    "tags": "tag",
    "customers": "external_contact",
    "chats": "group_chat",
}
"""What operators call the resources -> what rows call them, in the order of a corp's passes."""
NAMES = {resource: name for name, resource in RESOURCES.items()}


def load_corps(runtime: Runtime, corp_id: str | None = None) -> list[Tenant]:
    """All, or those with this id: one whose keys do not open keeps nobody from working on another."""
    with runtime.engine.begin() as connection:
        return load_tenants(connection, runtime.vault, corp_id=corp_id)


def chosen_corp(runtime: Runtime, corp_id: str | None) -> Tenant:
    """The corp with this id; without one, the only corp there is.

    Raises:
        click.UsageError: there is no such corp, or there are several.
    """
    found = load_corps(runtime, corp_id)
    if len(found) == 1:
        return found[0]
    if not found and corp_id is None:
        raise click.UsageError("there is no corp yet: `guanxi corp add FILE`")
    if not found:
        raise click.UsageError(f"no corp {corp_id}; `guanxi corp list` shows those that are there")
    raise click.UsageError(f"which corp? {', '.join(sorted({tenant.corp_id for tenant in found}))}")


def resources_of(names: Sequence[str]) -> list[str]:
    """As rows call them; all when none is named."""
    return [resource for name, resource in RESOURCES.items() if not names or name in names]
