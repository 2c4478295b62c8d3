"""What `guanxi corp check` tries, in the order in which it is set up in WeCom's console."""

from collections.abc import Sequence
from functools import partial

import orjson

from commands import corp_words as words
from commands.corp_findings import Finding, Findings
from shared.errors import RetryableError, TerminalError
from shared.ids import ExternalUserId, UserId
from shared.runtime import Runtime
from shared.tenants import Tenant, load_agent_ids, load_receivers
from shared.wecom.apis import Priority
from shared.wecom.client import WeComClient
from shared.wecom.clients import CONTACT, DIRECTORY, Clients
from shared.wecom.errors import PostponedError, UnreachableError, WeComError
from shared.wecom.payloads.directory import Department
from shared.wecom.payloads.messages import SendResult

ROOT = 1
MEMBERS_ASKED = 5
"""How many members are asked for a customer to look at."""
# WeCom has looked at everything but the recipients, of whom there are none.
NOBODY_NAMED = frozenset({81012, 82001})
CONTACT_CHECKS = ("follow_users", "customers", "customer", "tags", "chats", "unassigned", "member", "department")


def probe(
    runtime: Runtime, clients: Clients, tenant: Tenant, *, language: str, send_to: UserId | None
) -> Sequence[Finding]:
    """Try everything; what cannot be tried has a line that says why. Sends a message only to `send_to`."""
    with runtime.engine.begin() as connection:
        agent_ids = load_agent_ids(connection, tenant.id)
        receivers = list(load_receivers(connection, runtime.vault, tenant_id=tenant.id))
    seen = Findings(language)
    apps = {name: clients.of(tenant, app=name).at(Priority.OPERATOR) for name in agent_ids}
    _apps(seen, apps, url=runtime.settings.wecom_base_url)
    if CONTACT in apps:
        _customers(seen, apps[CONTACT])
        _sending(seen, apps[CONTACT], agent_ids[CONTACT], send_to=send_to)
    else:
        for check in (*CONTACT_CHECKS, "sending"):
            seen.skip(check, words.BLOCKED_APP, app=CONTACT)
    _directory(seen, apps.get(DIRECTORY))
    paths = [f"/callback/{one.corp_id}/{one.name}" for one in receivers if one.kind == "app"]
    if paths:
        seen.ok("receiver", words.RECEIVES, path=", ".join(paths))
    else:
        seen.fail("receiver", words.NO_RECEIVER, words.NO_RECEIVER_ADVICE)
    return seen.lines


def _apps(seen: Findings, apps: dict[str, WeComClient], *, url: str) -> None:
    """Is WeCom there, are the secrets right, are calls taken from this machine?"""
    outcomes: dict[str, Exception | None] = {}
    for name, client in apps.items():
        outcomes[name] = error = _outcome(client)
        if isinstance(error, UnreachableError | PostponedError):
            seen.refused("reach", error, app=name)
            for blocked in apps:
                seen.block(blocked, words.BLOCKED_REACH)
            break
    else:
        if apps:
            seen.ok("reach", words.ANSWERS, url=url)
        else:
            seen.skip("reach", words.BLOCKED_APP, app=CONTACT)
    if CONTACT not in apps:
        seen.fail("app", words.NO_APP, words.NO_APP_ADVICE, app=CONTACT)
    for name, client in apps.items():
        _app(seen, client, name, outcomes.get(name))


def _outcome(client: WeComClient) -> Exception | None:
    try:
        client.try_secret()
    except (RetryableError, TerminalError) as error:
        return error
    return None


def _app(seen: Findings, client: WeComClient, name: str, refusal: Exception | None) -> None:
    if seen.blocked(name):
        seen.skip("secret", words.BLOCKED_REACH, app=name)
        seen.skip("address", words.BLOCKED_REACH, app=name)
        return
    if refusal is not None:
        seen.refused("secret", refusal, app=name)
        seen.block(name, words.BLOCKED_SECRET)
        seen.skip("address", words.BLOCKED_SECRET, app=name)
        return
    seen.ok("secret", words.ACCEPTED, app=name)
    # Needs no permission, so that a refusal is about who calls and from where.
    if seen.asked("address", client.addresses.api, app=name) is None:
        seen.block(name, words.BLOCKED_ADDRESS)
    else:
        seen.ok("address", words.TRUSTED, app=name)


def _customers(seen: Findings, client: WeComClient) -> None:
    ask = partial(seen.asked, app=CONTACT)
    userids = ask("follow_users", client.contacts.follow_users)
    if userids:
        seen.ok("follow_users", words.MEMBERS, app=CONTACT, count=len(userids))
    elif userids is not None:
        seen.fail("follow_users", words.NO_MEMBERS, words.NO_MEMBERS_ADVICE, app=CONTACT)
    _contacts(seen, client, userids or ())
    tags = ask("tags", client.tags.list)
    if tags is not None:
        seen.ok("tags", words.COUNTED, app=CONTACT, count=sum(len(group.tags or ()) for group in tags))
    if not userids:
        seen.skip("chats", words.NEEDS_MEMBER, app=CONTACT)
    elif ask("chats", partial(client.chats.list, owners=userids[:1])) is not None:
        seen.ok("chats", words.READABLE, app=CONTACT)
    if ask("unassigned", client.transfers.unassigned) is not None:
        seen.ok("unassigned", words.READABLE, app=CONTACT)
    _members(seen, client, userids or ())


def _contacts(seen: Findings, client: WeComClient, userids: Sequence[UserId]) -> None:
    if not userids:
        seen.skip("customers", words.NEEDS_MEMBER, app=CONTACT)
        seen.skip("customer", words.NEEDS_MEMBER, app=CONTACT)
        return
    found: tuple[UserId, tuple[ExternalUserId, ...]] | None = None
    for userid in userids[:MEMBERS_ASKED]:
        customers = seen.asked("customers", partial(client.contacts.list, userid), app=CONTACT)
        if customers is None:
            break
        found = (userid, customers)
        if customers:
            break
    else:
        customers = ()
    if customers is None or found is None:
        seen.skip("customer", words.NEEDS_CUSTOMER, app=CONTACT)
        return
    seen.ok("customers", words.CUSTOMERS, app=CONTACT, userid=found[0], count=len(found[1]))
    if not customers:
        seen.skip("customer", words.NEEDS_CUSTOMER, app=CONTACT)
    elif seen.asked("customer", partial(client.contacts.get, customers[0]), app=CONTACT) is not None:
        seen.ok("customer", words.READABLE, app=CONTACT)


def _members(seen: Findings, client: WeComClient, userids: Sequence[UserId]) -> None:
    book, ask = client.address_book, partial(seen.asked, app=CONTACT)
    department_id: int | None = None
    if not userids:
        seen.skip("member", words.NEEDS_MEMBER, app=CONTACT)
    else:
        member = ask("member", partial(book.member, userids[0]))
        if member is not None:
            seen.ok("member", words.READABLE, app=CONTACT)
            department_id = member.main_department or next(iter(member.departments or ()), None)
    if ask("department", partial(_department, client, department_id)) is not None:
        seen.ok("department", words.READABLE, app=CONTACT)


def _department(client: WeComClient, department_id: int | None) -> Department:
    """Of a member, else the first in sight, else the root."""
    if department_id is None:
        department_id = next((one.id for one in client.address_book.department_ids()), ROOT)
    return client.address_book.department(department_id)


def _directory(seen: Findings, client: WeComClient | None) -> None:
    if client is None:
        seen.skip("member_ids", words.OPTIONAL_APP, app=DIRECTORY)
        return
    if seen.asked("member_ids", partial(client.address_book.places, limit=1), app=DIRECTORY) is not None:
        seen.ok("member_ids", words.READABLE, app=DIRECTORY)
    departments = seen.asked("department_ids", client.address_book.department_ids, app=DIRECTORY)
    if departments is not None:
        seen.ok("department_ids", words.COUNTED, app=DIRECTORY, count=len(departments))


def _sending(seen: Findings, client: WeComClient, agent_id: int | None, *, send_to: UserId | None) -> None:
    if agent_id is None:
        seen.fail("sending", words.NO_AGENT, words.NO_AGENT_ADVICE, app=CONTACT)
        return
    text = words.TEST_MESSAGE.said(seen.language)
    message = {"touser": send_to or "", "msgtype": "text", "agentid": agent_id, "text": {"content": text}}
    if send_to is None:
        if seen.asked("sending", partial(_offer, client, orjson.dumps(message)), app=CONTACT):
            seen.ok("sending", words.MAY_SEND, app=CONTACT)
        return
    result: SendResult | None = seen.asked("sending", partial(client.messages.send, orjson.dumps(message)), app=CONTACT)
    if result is not None and result.refused(send_to):
        seen.fail("sending", words.NOT_DELIVERED, words.NO_MEMBERS_ADVICE, app=CONTACT, userid=send_to)
    elif result is not None:
        seen.ok("sending", words.SENT, app=CONTACT, userid=send_to)


def _offer(client: WeComClient, message: bytes) -> bool:
    """Offer a message for nobody: whether the app may send with this agent id is found out, and nothing is sent."""
    try:
        client.messages.send(message)
    except WeComError as error:
        if error.code not in NOBODY_NAMED:
            raise
    return True
