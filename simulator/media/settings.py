"""What WeCom does not publish about media, or says differently in different places."""

from dataclasses import dataclass

MB = 1024 * 1024


@dataclass
class MediaSettings:
    # The page says 10 MB; the table of codes still says 5 MB.
    image_bytes: int = 10 * MB
    # The page of pictures with an address of their own was not read: this size is unverified.
    picture_bytes: int = 2 * MB
    # A permanent picture's address: the real host differs.
    picture_host: str = "https://wework.qpic.example.com"
    # Published, and here so that a test can reach them. Source: WeCom server API, frequency limits (page 90454).
    pictures_per_day: int = 1000
    pictures_per_month: int = 3000
