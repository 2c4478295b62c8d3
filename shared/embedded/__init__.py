"""A real PostgreSQL and a real Valkey from wheels, for a machine that has neither.

Used when no GUANXI_DATABASE_URL / GUANXI_REDIS_URL is given. Why the wheel's own launcher is not used:
docs/decisions/0003-embedded-servers.md.
"""

from shared.embedded.endpoints import Endpoints, running
from shared.embedded.errors import EmbeddedServerError
from shared.embedded.servers import EmbeddedServers

__all__ = ["EmbeddedServerError", "EmbeddedServers", "Endpoints", "running"]
