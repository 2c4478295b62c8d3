"""WeCom's own IP addresses; advice for firewalls, no proof of who calls."""

from shared.wecom.apis import Api
from shared.wecom.calls import Calls
from shared.wecom.payloads.reading import texts

CALLBACK = Api("getcallbackip")
API = Api("get_api_domain_ip")


class Addresses:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def callbacks(self) -> tuple[str, ...]:
        """Where callbacks come from, as addresses or ranges. Callbacks have come from others too.

        Source: WeCom server API, getcallbackip.
        """
        return texts(self._calls.get(CALLBACK).get("ip_list")) or ()

    def api(self) -> tuple[str, ...]:
        """Where the API answers.

        Source: WeCom server API, get_api_domain_ip.
        """
        return texts(self._calls.get(API).get("ip_list")) or ()
