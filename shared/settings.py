"""Settings, read once at a process's entry from the environment (prefix GUANXI_) and a .env file.

Anything unknown or malformed fails at start with the name and the reason.
"""

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from croniter import CroniterError, croniter
from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableError

from shared.clock import EPOCH

PREFIX = "GUANXI_"
NEVER = frozenset({"", "off"})
"""Instead of a cron expression."""
Seconds = Annotated[float, Field(ge=0)]


class SettingsError(Exception):
    """A setting is unknown, missing or malformed; the text names it and says why."""


class Settings(BaseSettings):
    """One frozen object per process, passed down from its entry. Durations end in `_s` and are seconds."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", frozen=True, extra="ignore", env_ignore_empty=True
    )

    database_url: str | None = Field(
        None, repr=False, description="PostgreSQL 15 or newer; empty starts the embedded one"
    )
    redis_url: str | None = Field(
        None, repr=False, description="Redis 6.2 or newer, or Valkey; empty starts the embedded one"
    )
    home: Path = Field(Path(".guanxi"), description="data of the embedded servers, spool, made keys, logs")
    secret_key: SecretStr | None = Field(None, description="wraps the data key of every corp; 32 characters or more")
    secret_key_previous: SecretStr | None = Field(
        None,
        description="the key before it, while processes are restarted one by one (docs/keys.md)",
    )
    key_settle_s: float = Field(
        180.0, ge=0, description="how long processes may go on with the data keys they know; they look every minute"
    )
    wecom_base_url: str = "https://qyapi.weixin.qq.com"
    wechat_base_url: str = "https://api.weixin.qq.com"
    console_url: str = Field(
        "http://127.0.0.1:8780",
        description="public base of the links in messages; its host is the app's trusted domain, where people sign in",
    )
    wecom_login_url: str = Field("", description="instead of WeCom's two login pages: those of a simulated WeCom")
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    gateway_bind: str = "127.0.0.1:8750"
    console_bind: str = "127.0.0.1:8780"
    health_bind: str = Field("127.0.0.1:0", description="health and metrics of a process that serves nothing else")
    parent_pid: int | None = Field(None, description="set by `guanxi up` for what it starts: exit when this one dies")
    clock_file: Path | None = Field(None, description="a file with an offset in seconds that shifts the clock (tests)")

    gateway_workers: int = Field(1, ge=1, le=64, description="gateway processes that share the address")
    gateway_max_body_bytes: int = Field(1_048_576, ge=1024)
    gateway_max_waiting: int = Field(4096, ge=1, description="events waiting for the shared commit before 503")
    commit_timeout_s: float = Field(2.0, gt=0, description="longest wait for the database before an event is spooled")
    spool_max_bytes: int = Field(10 * 1024**3, ge=1_048_576, description="spool size at which new events are refused")

    console_threads: int = Field(8, ge=1, le=64, description="requests of the console and its API served at once")
    console_max_body_bytes: int = Field(2 * 1_048_576, ge=1024)
    api_answer_ttl_s: float = Field(
        172_800.0, ge=86_400, description="how long a repeat with the same Idempotency-Key gets the first answer"
    )
    mask_nicknames: bool = Field(
        False, description="API keys without personal:read get names and remarks of WeCom masked, too"
    )
    bulk_undo_days: int = Field(30, ge=1, le=3650, description="how long a bulk change of customers can be undone")
    phone_region: str = Field(
        "CN", pattern=r"^[A-Z]{2}$", description="country of phone numbers without a country code"
    )

    worker_threads: int = Field(8, ge=1, le=64, description="WeCom reads in flight per worker process")
    worker_batch: int = Field(64, ge=1, le=1000)
    lease_s: float = Field(60.0, gt=0)
    sweep_interval_s: float = Field(1.0, gt=0, description="how often a process looks for due work that nobody woke")
    reconcile_backoff_s: tuple[Seconds, ...] = Field((1, 2, 5, 15, 60, 300, 900, 3600), min_length=1)
    deletion_lag_s: float = Field(600.0, ge=0, description="how long reads may still list a relation its member ended")
    add_lag_s: float = Field(120.0, ge=0, description="how long a new relation may be missing from reads")
    write_lag_s: float = Field(60.0, ge=0, description="how long reads may be behind what was written to WeCom")

    resync_threads: int = Field(4, ge=1, le=64, description="full passes: blocks walked at once by one worker process")
    resync_parallel: int = Field(5, ge=1, le=64, description="full passes: blocks of one pass walked at once by all")
    resync_cron: str = Field(
        "17 1 * * *", description="when full passes start, in each corp's own time zone; off: never"
    )
    rules_hour: int = Field(
        1, ge=0, le=23, description="from when on, in each corp's own day, its rules and segments look at everybody"
    )
    resync_jitter_s: float = Field(3600.0, ge=0, description="each corp starts up to so much later, always the same")
    resync_tries: int = Field(6, ge=1, description="tries of a page before it is left out and the pass incomplete")
    cursor_life_s: float = Field(10_800.0, gt=0, description="a block of a pass that stood still so long starts over")
    guard_share: float = Field(0.05, ge=0, le=1, description="part of a corp's rows that a pass may end by itself")
    guard_floor: int = Field(20, ge=0, description="so many may always end; more than both wait for `guanxi approve`")
    drift_sample: int = Field(50, ge=0, description="customers per corp read every hour to measure drift; 0 is off")

    transfer_result_lag_s: float = Field(600.0, ge=0, description="how late WeCom may show a handover it was asked for")
    transfer_poll_s: float = Field(3600.0, gt=0, description="longest time between two looks for a handover's outcome")
    transfer_patience_s: float = Field(
        86_400.0, ge=0, description="how long after its time an outcome may stay away; then a read decides"
    )
    transfer_chats_per_day: int = Field(300, ge=1, description="group chats of one owner handed over a day")

    pool_tell_after_s: float = Field(
        10.0, ge=0, description="what an associate is given from the pool within so long is told in one message"
    )
    pool_leaver_grace_s: float = Field(
        86_400.0,
        ge=0,
        description="how long an associate may be without the customer-contact function before the pool takes back "
        "what they were to add; who left for certain has no such time",
    )
    files_max_bytes: int = Field(100 * 1_048_576, ge=1024, description="largest file that is taken for an import")
    files_keep_s: float = Field(604_800.0, gt=0, description="how long uploads, exports and failed rows can be fetched")
    files_processes: int = Field(1, ge=1, le=16, description="imports and exports at once, per worker process")
    files_memory_bytes: int = Field(
        1 << 30, ge=1 << 28, description="memory at which a process with an import or export is refused more"
    )
    files_lease_s: float = Field(120.0, gt=0, description="after so long another process takes over a silent job")

    welcome_parallel: int = Field(8, ge=1, le=64, description="welcomes under way per corp and worker process")
    welcome_life_s: float = Field(20.0, gt=0, description="how long a new friend can be welcomed; WeCom's number")
    welcome_keep_days: int = Field(365, ge=1, description="how long it is kept what became of each welcome")

    notifier_threads: int = Field(8, ge=1, le=64)
    notifier_batch: int = Field(64, ge=1, le=1000)
    message_backoff_s: tuple[Seconds, ...] = Field((1, 5, 15, 60, 300, 900, 1800, 3600), min_length=1)
    message_ttl_s: float = Field(86_400.0, gt=0, description="a notice older than this is not sent any more")
    member_per_minute: int = Field(30, ge=1, description="messages per member; WeCom drops more without saying so")
    member_per_hour: int = Field(1000, ge=1)

    webhook_parallel: int = Field(4, ge=1, le=64, description="calls under way per endpoint and notifier process")
    webhook_batch: int = Field(64, ge=1, le=1000, description="rows of an endpoint taken at once")
    webhook_connect_timeout_s: float = Field(3.0, gt=0)
    webhook_read_timeout_s: float = Field(10.0, gt=0, description="longest silence while an endpoint answers")
    webhook_backoff_s: tuple[Seconds, ...] = Field(
        (5, 60, 300, 1800, 7200, 18_000, 36_000, *(86_400,) * 5),
        min_length=1,
        description="waits between the tries of one row; then it is given up",
    )
    webhook_pause_s: tuple[Seconds, ...] = Field(
        (1, 5, 15, 60, 300), min_length=1, description="waits before an endpoint that is away is tried again"
    )
    webhook_give_up_s: float = Field(
        432_000.0, gt=0, description="after so long with nothing but failures an endpoint is disabled"
    )
    webhook_keep_s: float = Field(
        2_592_000.0,
        gt=0,
        description="how long rows wait for an endpoint that is not called, and settled ones are kept",
    )

    wecom_connect_timeout_s: float = Field(3.0, gt=0)
    wecom_read_timeout_s: float = Field(10.0, gt=0, description="longest silence while WeCom answers")
    wecom_total_timeout_s: float = Field(30.0, gt=0, description="longest time for the whole of an answer")

    wecom_per_minute: int = Field(10_000, ge=1, description="calls per corp and API; WeCom may have set another number")
    wecom_per_hour: int = Field(150_000, ge=1)
    wecom_address_per_minute: int = Field(20_000, ge=1, description="calls per API from one public address, all corps")
    wecom_address_per_hour: int = Field(600_000, ge=1)
    wecom_at_once: int = Field(10, ge=1, description="calls under way per corp and API; not published")
    wecom_wait_s: float = Field(2.0, ge=0, description="longest wait for a turn; then the work is postponed")
    wecom_egress: str = Field(
        "default", min_length=1, max_length=60, description="name of the public address; same name = shared limits"
    )

    @field_validator("database_url")
    @classmethod
    def _postgresql(cls, value: str | None) -> str | None:
        if value and not value.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
            raise ValueError("must start with postgresql://")
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: str | None) -> str | None:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must start with redis://, rediss:// or unix://")
        return value

    @field_validator("resync_cron")
    @classmethod
    def _cron(cls, value: str) -> str:
        try:
            if value not in NEVER:
                croniter(value, EPOCH).get_next(datetime)
        except CroniterError:
            raise ValueError('must be a cron expression that comes true, such as "17 1 * * *", or "off"') from None
        return value

    @field_validator("gateway_bind", "console_bind", "health_bind")
    @classmethod
    def _bind(cls, value: str) -> str:
        split_bind(value)
        return value

    @field_validator("wecom_base_url", "wechat_base_url", "console_url", "wecom_login_url")
    @classmethod
    def _base_url(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/")

    @field_validator("secret_key", "secret_key_previous")
    @classmethod
    def _long_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 32:
            raise ValueError("must have 32 characters or more; `openssl rand -base64 48` makes one")
        return value


def split_bind(value: str) -> tuple[str, int]:
    """Split "host:port" (or "[v6]:port"); port 0 means any free one.

    Raises:
        ValueError: not of that form.
    """
    host, _, port = value.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ValueError('must be "host:port"')
    return host.strip("[]"), int(port)


def load_settings(**overrides: object) -> Settings:
    """Read the settings of this process.

    Raises:
        SettingsError: a name is unknown, or a value is malformed.
    """
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    present = {name for name in (*os.environ, *dotenv_values(".env")) if name.upper().startswith(PREFIX)}
    unknown = sorted(name for name in present if name.upper() not in known)
    if unknown:
        raise SettingsError(f"unknown setting {', '.join(unknown)}; known are {', '.join(sorted(known))}")
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        reasons = (f"{PREFIX}{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        raise SettingsError("; ".join(reasons)) from None
    except UnreadableError as error:
        name = str(error).split('"')[1]  # its text is: error parsing value for field "..." from source "..."
        raise SettingsError(f"{PREFIX}{name.upper()}: must be a JSON list of seconds") from None


def resolve_secret(value: str) -> str:
    """A secret as written in a corp's file: `env:NAME` reads the environment, anything else is the secret itself.

    Raises:
        SettingsError: the variable is not set.
    """
    if not value.startswith("env:"):
        return value
    found = os.environ.get(value[4:], "")
    if not found:
        raise SettingsError(f"the environment variable {value[4:]} is empty or not set")
    return found


def child_environment(overrides: Mapping[str, str]) -> dict[str, str]:
    """This process's environment for a program that it starts, with settings replaced; names without the prefix."""
    return dict(os.environ) | {f"{PREFIX}{name}": value for name, value in overrides.items()}
