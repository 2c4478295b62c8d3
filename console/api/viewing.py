"""Who looks, for what only some may see (TAG-4)."""

from console.api.gate import caller
from services.local_tags.model import Viewer
from shared.ids import UserId


def viewer() -> Viewer:
    """A key that is bound to an associate sees what they may see, any other everything."""
    userid = caller().sight.userid
    return Viewer(None if userid is None else UserId(userid))
