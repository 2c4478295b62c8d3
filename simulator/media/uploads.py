"""Read an upload: multipart/form-data with one file in the field `media`.

Source: WeCom server API, temporary media (page 96484).
"""

import io
from dataclasses import dataclass

from werkzeug.formparser import parse_form_data

from simulator.api.calls import Call
from simulator.errors import ApiError

FIELD = "media"
# Every file is longer than this.
SHORTEST = 5


@dataclass(frozen=True)
class Upload:
    filename: str
    content_type: str
    content: bytes


def read_upload(call: Call) -> Upload:
    """ApiError 44001 when there is no such file or no name to it, 40006 when it is too short."""
    environment = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": call.content_type,
        "CONTENT_LENGTH": str(len(call.body)),
        "wsgi.input": io.BytesIO(call.body),
    }
    _, _, files = parse_form_data(environment)
    found = files.get(FIELD)
    if found is None or not found.filename:
        raise ApiError(44001, detail=f"no file in the field {FIELD}")
    content = found.read()
    if not content:
        raise ApiError(44001)
    if len(content) <= SHORTEST:
        raise ApiError(40006)
    return Upload(found.filename, found.mimetype, content)
