"""The numbers of group robots that WeCom does not publish, or may tune."""

from dataclasses import dataclass


@dataclass
class RobotSettings:
    # Source: WeCom server API, group robots (page 91770). Beyond it 45009 for 60 s; the length is not published.
    messages_per_minute: int = 20
    # The codes for a text that is too long and for an md5 that does not fit are not published.
    too_long_errcode: int = 40058
    md5_errcode: int = 40058
    # Sizes of uploads in bytes: not published for robots, here as for message media.
    file_bytes: int = 20 * 1024 * 1024
    voice_bytes: int = 2 * 1024 * 1024
