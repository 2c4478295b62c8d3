"""WeCom as one app of one tenant sees it, at one priority; each family of APIs is an attribute."""

from functools import partial

from sqlalchemy import Engine

from shared.clock import Clock
from shared.tenants import Tenant
from shared.wecom.apis import Priority
from shared.wecom.calls import Calls, fetch_token
from shared.wecom.credentials import Credential
from shared.wecom.families.address_book import AddressBook
from shared.wecom.families.addresses import Addresses
from shared.wecom.families.appchats import AppChats
from shared.wecom.families.broadcasts import Broadcasts
from shared.wecom.families.chats import Chats, JoinWays
from shared.wecom.families.contact_ways import ContactWays
from shared.wecom.families.contacts import Contacts
from shared.wecom.families.conversions import Conversions
from shared.wecom.families.login import Login
from shared.wecom.families.media import Media
from shared.wecom.families.member_tags import MemberTags
from shared.wecom.families.messages import Messages
from shared.wecom.families.robots import Robots
from shared.wecom.families.statistics import Statistics
from shared.wecom.families.tags import RuleTags, Tags
from shared.wecom.families.tickets import JsTickets, Tickets
from shared.wecom.families.transfers import Transfers
from shared.wecom.families.welcome import Welcome
from shared.wecom.wire import Wire


class WeComClient:
    def __init__(self, calls: Calls, js_tickets: JsTickets) -> None:
        self._calls = calls
        self.js_tickets = js_tickets
        self.address_book = AddressBook(calls)
        self.addresses = Addresses(calls)
        self.app_chats = AppChats(calls)
        self.broadcasts = Broadcasts(calls)
        self.chats = Chats(calls)
        self.contact_ways = ContactWays(calls)
        self.contacts = Contacts(calls)
        self.conversions = Conversions(calls)
        self.join_ways = JoinWays(calls)
        self.login = Login(calls)
        self.media = Media(calls)
        self.member_tags = MemberTags(calls)
        self.messages = Messages(calls)
        self.robots = Robots(calls)
        self.rule_tags = RuleTags(calls)
        self.statistics = Statistics(calls)
        self.tags = Tags(calls)
        self.transfers = Transfers(calls)
        self.welcome = Welcome(calls)

    def at(self, priority: Priority) -> "WeComClient":
        """The same client for calls of another priority."""
        return WeComClient(self._calls.at(priority), self.js_tickets)

    def try_secret(self) -> None:
        """Ask WeCom for an access token, whatever is stored here; work that it was refused to goes on.

        Raises:
            RetryableError: the app is not configured (yet).
            WeComError, UnreachableError: WeCom did not give one.

        Source: WeCom server API, gettoken.
        """
        self._calls.try_secret()


def make_client(wire: Wire, *, engine: Engine, clock: Clock, tenant: Tenant, app: str) -> WeComClient:
    keep = partial(Credential, engine, clock, tenant, app)
    calls = Calls(wire, keep(partial(fetch_token, wire, tenant.corp_id)), corp_id=tenant.corp_id)
    return WeComClient(calls, JsTickets(Tickets(calls), keep))
