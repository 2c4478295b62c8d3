"""What every process opens at its entry, once: settings, clock, database, Redis, vault."""

from dataclasses import dataclass, field

from redis import Redis
from sqlalchemy import Engine, text

from shared.clock import Clock, SystemClock
from shared.db.engine import make_engine
from shared.embedded import running
from shared.queue import make_redis
from shared.settings import Settings, SettingsError
from shared.telemetry import Check
from shared.vault import Vault, made_secret_key


@dataclass(frozen=True)
class Runtime:
    settings: Settings
    clock: Clock
    engine: Engine
    redis: Redis
    vault: Vault = field(repr=False)

    def checks(self) -> dict[str, Check]:
        """The dependencies of a ready process."""

        def database() -> None:
            with self.engine.connect() as connection:
                connection.execute(text("select 1"))

        def redis() -> None:
            self.redis.ping()

        return {"database": database, "redis": redis}


def open_runtime(settings: Settings, *, application: str, pool_size: int = 8) -> Runtime:
    """
    Raises:
        SettingsError: no database or Redis is set and no embedded one runs, or the secret key is missing.
    """
    database_url, redis_url = endpoints(settings)
    return Runtime(
        settings=settings,
        clock=SystemClock(settings.clock_file),
        engine=make_engine(database_url, pool_size=pool_size, application=f"guanxi-{application}"),
        redis=make_redis(redis_url),
        vault=make_vault(settings),
    )


def endpoints(settings: Settings) -> tuple[str, str]:
    """The addresses of database and Redis: from the settings, else of the embedded servers that run in the home."""
    if settings.database_url and settings.redis_url:
        return settings.database_url, settings.redis_url
    found = running(settings.home)
    database_url = settings.database_url or (found.database_url if found else None)
    redis_url = settings.redis_url or (found.redis_url if found else None)
    if not database_url or not redis_url:
        missing = "GUANXI_DATABASE_URL" if not database_url else "GUANXI_REDIS_URL"
        raise SettingsError(
            f"{missing} is not set and no embedded server runs in {settings.home}: "
            "start one with `guanxi up` in another terminal, or set the variable"
        )
    return database_url, redis_url


def make_vault(settings: Settings) -> Vault:
    previous = settings.secret_key_previous
    return Vault(secret_key(settings), previous=previous.get_secret_value() if previous else "")


def secret_key(settings: Settings) -> str:
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    if settings.database_url is not None:
        raise SettingsError(
            "GUANXI_SECRET_KEY is not set; a database of your own needs a key of your own: `openssl rand -base64 48`"
        )
    return made_secret_key(settings.home)
