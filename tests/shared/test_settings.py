"""Settings come from the environment and .env, and what is wrong with them is said at start."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.settings import Settings, SettingsError, load_settings, resolve_secret, split_bind


@pytest.fixture(autouse=True)
def clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.upper().startswith("GUANXI_")]:
        monkeypatch.delenv(name)


def test_everything_has_a_default():
    """Without a single setting the embedded installation starts."""
    settings = load_settings()
    assert settings.database_url is None
    assert settings.redis_url is None
    assert settings.secret_key is None
    assert settings.home == Path(".guanxi")
    assert settings.wecom_base_url == "https://qyapi.weixin.qq.com"
    assert settings.gateway_bind == "127.0.0.1:8750"


@pytest.mark.parametrize("name", ["GUANXI_DATABSE_URL", "guanxi_home_", "GUANXI_"])
def test_an_unknown_name_in_the_environment_is_refused_by_name(name: str, monkeypatch: pytest.MonkeyPatch):
    """A misspelt setting must not be ignored in silence."""
    monkeypatch.setenv(name, "secret value")
    with pytest.raises(SettingsError, match=f"unknown setting {name};.*GUANXI_DATABASE_URL") as caught:
        load_settings()
    assert "secret value" not in str(caught.value)


def test_an_unknown_name_in_the_env_file_is_refused_by_name():
    """The .env file is held to the same rule as the environment."""
    Path(".env").write_text("GUANXI_HMOE=/data\nSOMETHING_ELSE=1\n")
    with pytest.raises(SettingsError, match="unknown setting GUANXI_HMOE;"):
        load_settings()


def test_the_env_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch):
    """A .env file works; what the environment says goes before it."""
    Path(".env").write_text("GUANXI_HOME=/from/file\nGUANXI_LOG_LEVEL=debug\nOTHER_PROGRAM=1\n")
    monkeypatch.setenv("GUANXI_HOME", "/from/environment")
    settings = load_settings()
    assert (settings.home, settings.log_level) == (Path("/from/environment"), "debug")


def test_what_the_caller_gives_goes_before_everything(monkeypatch: pytest.MonkeyPatch):
    """A command's option overrides the environment."""
    monkeypatch.setenv("GUANXI_LOG_LEVEL", "debug")
    assert load_settings(log_level="error").log_level == "error"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("GATEWAY_BIND", "8750", 'must be "host:port"'),
        ("CONSOLE_BIND", ":8750", 'must be "host:port"'),
        ("HEALTH_BIND", "127.0.0.1:70000", 'must be "host:port"'),
        ("WECOM_BASE_URL", "qyapi.weixin.qq.com", "must start with http:// or https://"),
        ("CONSOLE_URL", "ftp://x", "must start with http:// or https://"),
        ("LOG_FORMAT", "xml", "Input should be 'console' or 'json'"),
        ("GATEWAY_WORKERS", "0", "greater than or equal to 1"),
        ("COMMIT_TIMEOUT_S", "0", "greater than 0"),
        ("LEASE_S", "long", "valid number"),
        ("RECONCILE_BACKOFF_S", "1,2,5", "must be a JSON list"),
        ("MESSAGE_BACKOFF_S", "[]", "at least 1 item"),
        ("SECRET_KEY", "tooshort-hunter2", "32 characters or more"),
    ],
)
def test_a_bad_value_is_refused_with_name_and_reason(
    name: str, value: str, reason: str, monkeypatch: pytest.MonkeyPatch
):
    """The operator reads which setting is wrong and why, and nobody reads its value."""
    monkeypatch.setenv(f"GUANXI_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(caught.value).startswith(f"GUANXI_{name}: ")
    assert reason in str(caught.value)
    assert name != "SECRET_KEY" or "hunter2" not in str(caught.value)


def test_every_bad_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch):
    """One start tells all that is wrong."""
    monkeypatch.setenv("GUANXI_GATEWAY_BIND", "x")
    monkeypatch.setenv("GUANXI_LOG_LEVEL", "loud")
    with pytest.raises(SettingsError, match=r"GUANXI_LOG_LEVEL: .*GUANXI_GATEWAY_BIND: "):
        load_settings()


def test_a_list_is_written_as_json(monkeypatch: pytest.MonkeyPatch):
    """Backoffs are lists of seconds."""
    monkeypatch.setenv("GUANXI_RECONCILE_BACKOFF_S", "[1, 2.5]")
    assert load_settings().reconcile_backoff_s == (1.0, 2.5)


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch):
    """Compose files pass on empty variables; an empty address starts the embedded server."""
    monkeypatch.setenv("GUANXI_DATABASE_URL", "")
    monkeypatch.setenv("GUANXI_SECRET_KEY", "")
    settings = load_settings()
    assert (settings.database_url, settings.secret_key) == (None, None)


def test_a_base_address_loses_its_last_slash(monkeypatch: pytest.MonkeyPatch):
    """Paths are appended with their own slash."""
    monkeypatch.setenv("GUANXI_WECOM_BASE_URL", "http://127.0.0.1:8760/")
    assert load_settings().wecom_base_url == "http://127.0.0.1:8760"


def test_settings_show_no_secret_and_do_not_change(monkeypatch: pytest.MonkeyPatch):
    """A settings object may reach a log or an error text."""
    monkeypatch.setenv("GUANXI_SECRET_KEY", "k" * 40)
    monkeypatch.setenv("GUANXI_DATABASE_URL", "postgresql://guanxi:hunter2@db/guanxi")
    monkeypatch.setenv("GUANXI_REDIS_URL", "redis://:hunter3@redis/0")
    settings = load_settings()
    assert "hunter" not in repr(settings)
    assert "k" * 40 not in repr(settings)
    with pytest.raises(ValidationError):
        settings.log_level = "debug"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("127.0.0.1:8750", ("127.0.0.1", 8750)),
        ("0.0.0.0:0", ("0.0.0.0", 0)),
        ("[::1]:8750", ("::1", 8750)),
        ("localhost:65535", ("localhost", 65535)),
    ],
)
def test_an_address_is_split(value: str, expected: tuple[str, int]):
    """host:port, [v6]:port, and port 0 for any free one."""
    assert split_bind(value) == expected


@pytest.mark.parametrize("value", ["", "host", "host:", ":1", "host:-1", "host:65536", "host:1x", "host:²"])
def test_a_bad_address_is_refused(value: str):
    """Only a host and a decimal port make an address."""
    with pytest.raises(ValueError, match="host:port"):
        split_bind(value)


def test_a_secret_is_literal_or_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    """`env:NAME` reads the environment; anything else is the secret itself."""
    monkeypatch.setenv("WECOM_SECRET", "from-environment")
    assert resolve_secret("env:WECOM_SECRET") == "from-environment"
    assert resolve_secret("literal:env:") == "literal:env:"


@pytest.mark.parametrize("value", [None, ""])
def test_a_secret_whose_variable_is_missing_is_refused_by_name(value: str | None, monkeypatch: pytest.MonkeyPatch):
    """An empty variable is a mistake, never an empty secret."""
    if value is not None:
        monkeypatch.setenv("WECOM_SECRET", value)
    with pytest.raises(SettingsError, match="variable WECOM_SECRET is empty or not set"):
        resolve_secret("env:WECOM_SECRET")


def test_every_setting_has_a_documented_name():
    """Names are GUANXI_ and lower-case words, so that the environment can spell them."""
    assert all(name.islower() and name.replace("_", "").isalnum() for name in Settings.model_fields)
