"""Files for messages."""

import pytest

from shared.wecom.client import WeComClient
from shared.wecom.families.media import MB
from shared.wecom.payloads.media import Uploaded
from shared.wecom.transport import Upload
from tests.shared.wecom.conftest import Sim
from tests.shared.wecom.samples import answered, sampled

PNG = Upload("海报.png", b"\x89PNG\r\n\x1a\n" + b"x" * 50, "image/png")


def test_a_file_is_kept_for_three_days(sim: Sim, client: WeComClient):
    """The time comes as a text, and is a number here."""
    made = client.media.upload("image", PNG)
    assert (made.type, made.media_id in {one["media_id"] for one in sim.corp("look/media")}) == ("image", True)
    assert made.created_at is not None
    with answered("media/upload", {"errcode": 0, "type": "file", "media_id": "m", "created_at": "1760000000"}) as asked:
        assert client.media.upload("file", PNG) == Uploaded("m", "file", 1760000000)
    assert asked.queries == [{"type": "file"}]
    assert b'name="media"' in asked.bodies[0]


def test_attachments_say_what_they_are_for(client: WeComClient):
    """Moments and product albums have files of their own."""
    with sampled("media.upload_attachment") as asked:
        assert client.media.upload_attachment("image", PNG, attachment_type=1).media_id == "SIM_ATTACH_MEDIA_1"
    assert asked.queries == [{"media_type": "image", "attachment_type": "1"}]


def test_a_picture_has_an_address(client: WeComClient):
    """For good."""
    assert client.media.upload_image(PNG).startswith("http")


def test_files_that_wecom_would_refuse_are_not_sent(sim: Sim, client: WeComClient):
    """Sizes are published per kind."""
    big = Upload("x", b"x" * (20 * MB + 1), "application/octet-stream")
    media = client.media
    for call in (
        lambda: media.upload("image", Upload("x", b"12345", "image/png")),
        lambda: media.upload("image", Upload("x", b"x" * (10 * MB + 1), "image/png")),
        lambda: media.upload("voice", Upload("x", b"x" * (2 * MB + 1), "audio/amr")),
        lambda: media.upload("file", big),
        lambda: media.upload("music", PNG),
        lambda: media.upload_attachment("file", PNG, attachment_type=1),
        lambda: media.upload_attachment("video", PNG, attachment_type=2),
        lambda: media.upload_attachment("image", PNG, attachment_type=3),
    ):
        with pytest.raises(ValueError, match="media/upload"):
            call()
    assert sim("calls").keys() <= {"gettoken"}
