"""The temporary media of a corp: what was uploaded, for what, and until when.

Source: WeCom server API, temporary media (page 96484), attachments (page 95098).
"""

import secrets
from dataclasses import dataclass, field

IMAGE, VOICE, VIDEO, FILE = "image", "voice", "video", "file"
MOMENT_IMAGE, MOMENT_VIDEO, ALBUM_IMAGE = "moment_image", "moment_video", "album_image"
# Source: WeCom server API, temporary media (page 96484).
LIFETIME_S = 3 * 86_400


@dataclass(frozen=True)
class Media:
    """`kind` says where it may be used: message media by their type, attachments by scene and type.

    `at` is the time of the upload in Unix seconds.
    """

    media_id: str
    kind: str
    filename: str
    size: int
    content_type: str
    at: int


@dataclass(frozen=True)
class Picture:
    """An image with an address of its own that does not expire."""

    url: str
    size: int
    at: float


@dataclass
class MediaBook:
    """All apps of the corp share it; no other corp sees it."""

    media: dict[str, Media] = field(default_factory=dict)
    pictures: list[Picture] = field(default_factory=list)

    def usable(self, media_id: str, *, kinds: frozenset[str], now: float) -> bool:
        """Whether it was uploaded in this corp as one of `kinds` and has not expired."""
        found = self.media.get(media_id)
        return found is not None and found.kind in kinds and now < found.at + LIFETIME_S

    def keep(self, *, kind: str, filename: str, size: int, content_type: str, now: float) -> Media:
        made = Media(secrets.token_urlsafe(48), kind, filename, size, content_type, int(now))
        self.media[made.media_id] = made
        return made
