"""What WeCom does not publish about welcome messages."""

from dataclasses import dataclass


@dataclass
class WelcomeSettings:
    # Not clear: a code that was used is "used" (41050), and its welcome is "delivered" (41051).
    used_code: int = 41050
    # Source: WeCom server API, welcome messages (page 92137).
    life_s: int = 20
