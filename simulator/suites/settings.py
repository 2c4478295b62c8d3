"""Numbers of suites that the pages read do not give."""

from dataclasses import dataclass


@dataclass
class SuiteSettings:
    # Seconds that a pre_auth_code lives; not published.
    pre_auth_code_s: int = 1200
