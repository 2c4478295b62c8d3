"""Who looks, for what only some may see (TAG-4)."""

from console.api.gate import caller
from services.local_tags.model import Viewer


def viewer() -> Viewer:
    """A key that is bound to an associate sees what they may see, any other everything."""
    return Viewer(caller().userid)
