"""What a page needs to use WeCom's JavaScript: two tickets, and the signature made with them."""

import hashlib
from collections.abc import Callable

from shared.wecom.apis import Api
from shared.wecom.calls import Calls
from shared.wecom.credentials import AGENT_TICKET, JSAPI_TICKET, Credential
from shared.wecom.families.answers import needed
from shared.wecom.payloads.login import Ticket

# Source: WeCom server API, page 90454: 100 in an hour per app.
CORP = Api("get_jsapi_ticket", per_hour=100)
AGENT = Api("ticket/get", per_hour=100)


class Tickets:
    """Each call fetches; keeping a ticket until its end is the caller's."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def corp(self) -> Ticket:
        """For `wx.config`. The other kind there is 42012.

        Source: WeCom server API, get_jsapi_ticket.
        """
        return needed(CORP, Ticket, self._calls.get(CORP))

    def agent(self) -> Ticket:
        """For `wx.agentConfig`.

        Source: WeCom server API, ticket/get.
        """
        return needed(AGENT, Ticket, self._calls.get(AGENT, {"type": "agent_config"}))


class JsTickets:
    """The two tickets, each fetched once for all processes and kept until its end; used by pages inside WeCom."""

    def __init__(self, tickets: Tickets, keep: Callable[..., Credential]) -> None:
        self._corp = keep(lambda _: _kept(tickets.corp()), kind=JSAPI_TICKET)
        self._agent = keep(lambda _: _kept(tickets.agent()), kind=AGENT_TICKET)

    def corp(self) -> str:
        """For `wx.config`."""
        return self._corp.current()

    def agent(self) -> str:
        """For `wx.agentConfig`."""
        return self._agent.current()


def _kept(ticket: Ticket) -> tuple[str, int]:
    return ticket.ticket, ticket.expires_in


def js_signature(ticket: str, *, noncestr: str, timestamp: int, url: str) -> str:
    """40 hex digits. `url` is the page's own address; what follows # does not count.

    Source: WeCom server API, page 96909.
    """
    signed = f"jsapi_ticket={ticket}&noncestr={noncestr}&timestamp={timestamp}&url={url.partition('#')[0]}"
    return hashlib.sha1(signed.encode(), usedforsecurity=False).hexdigest()
