"""The ceilings of member tags. They are published, and here so that a test can reach them.

Source: WeCom server API, member tags (pages 90210 to 90216).
"""

from dataclasses import dataclass


@dataclass
class MemberTagSettings:
    most_tags: int = 3000
    most_nodes: int = 30_000
    # The code for one tag too many is not stated on the page of this call.
    too_many_tags_code: int = 40126
    # Nor is that for a tag that is bound to an id in use.
    id_taken_code: int = 40068
