"""Files for messages. Temporary ones live 3 days and belong to the corp; attachments are of moments and albums."""

from shared.wecom.apis import Api, Repeat
from shared.wecom.calls import Calls
from shared.wecom.families.answers import needed, needed_text
from shared.wecom.payloads.media import Uploaded
from shared.wecom.transport import Upload

# A file that arrives twice is two files, of which nobody uses the first.
UPLOAD = Api("media/upload", Repeat.SAME)
ATTACHMENT = Api("media/upload_attachment", Repeat.SAME)
IMAGE = Api("media/uploadimg", Repeat.ONCE)
MB = 1024 * 1024
# Source: WeCom server API, page 96484.
MOST_BYTES = {"image": 10 * MB, "voice": 2 * MB, "video": 10 * MB, "file": 20 * MB}
LEAST_BYTES = 6
# Source: WeCom server API, page 95098.
ATTACHMENT_BYTES = {"image": 10 * MB, "video": 10 * MB, "file": 10 * MB}
MOMENT, ALBUM = 1, 2
ATTACHMENT_TYPES = {MOMENT: ("image", "video"), ALBUM: ("image",)}


class Media:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def upload(self, kind: str, file: Upload) -> Uploaded:
        """kind: image (JPG, PNG), voice (AMR, 60 s), video (MP4) or file. Recipients see the filename.

        Source: WeCom server API, media/upload.
        """
        check_file(UPLOAD, kind, file, most=MOST_BYTES)
        return needed(UPLOAD, Uploaded, self._calls.upload(UPLOAD, file, {"type": kind}))

    def upload_attachment(self, kind: str, file: Upload, *, attachment_type: int) -> Uploaded:
        """attachment_type: 1 for moments (image, or MP4 of 30 s), 2 for product albums (image).

        Source: WeCom server API, media/upload_attachment.
        """
        check_file(ATTACHMENT, kind, file, most=ATTACHMENT_BYTES)
        if kind not in ATTACHMENT_TYPES.get(attachment_type, ()):
            raise ValueError(f"{ATTACHMENT.path}: attachment_type {attachment_type} does not take {kind}")
        query = {"media_type": kind, "attachment_type": str(attachment_type)}
        return needed(ATTACHMENT, Uploaded, self._calls.upload(ATTACHMENT, file, query))

    def upload_image(self, file: Upload) -> str:
        """A permanent address of the picture; 1000 a day and 3000 a month.

        Source: WeCom server API, media/uploadimg.
        """
        return needed_text(IMAGE, self._calls.upload(IMAGE, file), "url")


def check_file(api: Api, kind: str, file: Upload, *, most: dict[str, int]) -> None:
    """Raises ValueError for an unknown kind and for a file that is too small or too large."""
    if kind not in most:
        raise ValueError(f"{api.path}: {kind} is none of {', '.join(most)}")
    if not LEAST_BYTES <= len(file.content) <= most[kind]:
        size = len(file.content)
        raise ValueError(f"{api.path}: the {kind} has {size} bytes, {LEAST_BYTES} to {most[kind]} are allowed")
