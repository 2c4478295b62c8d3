"""What WeCom does not publish about its address book."""

from dataclasses import dataclass, field


@dataclass
class AddressBookSettings:
    # The address ranges change and are only told by the two calls themselves; here everything is on this machine.
    callback_ips: list[str] = field(default_factory=lambda: ["127.0.0.1"])
    api_ips: list[str] = field(default_factory=lambda: ["127.0.0.1"])
    # The code for a mobile or an email that belongs to nobody is not stated on the page.
    nobody_code: int = 46004
