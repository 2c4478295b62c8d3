"""Numbers and modes of the platform itself, under the name `platform` in POST /sim/settings."""

from dataclasses import dataclass


@dataclass
class PlatformSettings:
    # So many failing gettoken calls of one corp id from one address in an hour block it for an hour; 0 = never.
    # WeCom's staff named the number; what is counted together is not published.
    gettoken_failures_per_hour: int = 2000
    # Tokens of 512 bytes, the most that they may have.
    long_tokens: bool = False
    # The header X-Simulated-Ip stands for the caller's address, so that one machine can play many.
    ip_header: bool = False
    # Answers carry fields that nobody knows yet, and this share of the enumerated numbers is unknown.
    future: bool = False
    future_share: float = 0.5
    # Bodies that are broken or of the wrong types are read as far as possible, as WeCom may do; how far is not
    # published. False: 40058.
    partial_json: bool = True
