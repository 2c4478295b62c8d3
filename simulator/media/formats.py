"""What bytes are: JPG, PNG, AMR, MP4; how large a picture is and how long a sound or a film."""

import struct
from collections.abc import Iterator

JPG, PNG, AMR, MP4 = "jpg", "png", "amr", "mp4"
_AMR_HEAD = b"#!AMR\n"
_AMR_FRAME_S = 0.02
# Bytes of a frame after its first byte, by frame type; the types between 9 and 14 do not occur.
_AMR_SIZES = {0: 12, 1: 13, 2: 15, 3: 17, 4: 19, 5: 20, 6: 26, 7: 31, 8: 5, 15: 0}
_PNG_HEAD = b"\x89PNG\r\n\x1a\n"
# The markers of JPG that begin a frame; they hold the size.
_JPG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def format_of(content: bytes) -> str:
    """By the first bytes; "" for anything else."""
    if content.startswith(b"\xff\xd8\xff"):
        return JPG
    if content.startswith(_PNG_HEAD):
        return PNG
    if content.startswith(_AMR_HEAD):
        return AMR
    return MP4 if content[4:8] == b"ftyp" else ""


def amr_seconds(content: bytes) -> float:
    """Counted by its frames, up to the first that cannot be."""
    at, frames = len(_AMR_HEAD), 0
    while at < len(content):
        size = _AMR_SIZES.get(content[at] >> 3 & 15)
        if size is None:
            break
        at += 1 + size
        frames += 1
    return frames * _AMR_FRAME_S


def image_size(content: bytes) -> tuple[int, int]:
    """Width and height; (0, 0) when the file does not say."""
    if content.startswith(_PNG_HEAD) and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
        return width, height
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
        if marker in _JPG_FRAMES:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return 0, 0


def mp4_seconds(content: bytes) -> float:
    """By the movie header; 0 when there is none."""
    for name, movie in _boxes(content):
        if name != b"moov":
            continue
        for inner, head in _boxes(movie):
            if inner == b"mvhd" and len(head) >= 32:
                scale, length = struct.unpack(">IQ", head[20:32]) if head[0] else struct.unpack(">II", head[12:20])
                return float(length) / scale if scale else 0.0
    return 0.0


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of the boxes of one level; size 0 reaches to the end, size 1 stands before a long size."""
    at = 0
    while at + 8 <= len(content):
        size, head = int.from_bytes(content[at : at + 4], "big"), 8
        if size == 1:
            size, head = int.from_bytes(content[at + 8 : at + 16], "big"), 16
        size = size or len(content) - at
        if size < head:
            return
        yield content[at + 4 : at + 8], content[at + head : at + size]
        at += size
