"""WeCom as one app of one tenant sees it, at one priority; each family of APIs is an attribute."""

from functools import partial

import requests
from sqlalchemy import Engine

from shared.clock import Clock
from shared.settings import Settings
from shared.tenants import Tenant
from shared.wecom.address_book import AddressBook
from shared.wecom.apis import Priority
from shared.wecom.calls import Calls, fetch_token
from shared.wecom.contacts import Contacts
from shared.wecom.messages import Messages
from shared.wecom.token import TokenStore
from shared.wecom.transport import Transport


class WeComClient:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.address_book = AddressBook(calls)
        self.contacts = Contacts(calls)
        self.messages = Messages(calls)

    def at(self, priority: Priority) -> "WeComClient":
        """The same client for calls of another priority."""
        return WeComClient(self._calls.at(priority))


def make_client(
    settings: Settings, *, http: requests.Session, engine: Engine, clock: Clock, tenant: Tenant, app: str
) -> WeComClient:
    transport = Transport(settings, http)
    return WeComClient(Calls(transport, TokenStore(engine, clock, tenant, app, partial(fetch_token, transport))))
