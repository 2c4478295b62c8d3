"""The file that describes a corp to `guanxi corp add` (TOML). Any secret may be `env:NAME`."""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from shared.settings import SettingsError, resolve_secret


class CorpFileError(Exception):
    """The file cannot be used; the text says where and why."""


def _secret(value: str) -> str:
    try:
        return resolve_secret(value)
    except SettingsError as error:
        raise ValueError(str(error)) from None


Secret = Annotated[str, AfterValidator(_secret), Field(min_length=1)]
ReceiverKind = Literal["app", "directory", "suite", "robot", "official_account"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def __repr_args__(self) -> list[tuple[str | None, object]]:
        """Nothing: most fields here are secrets."""
        return []


class KeyPair(_Strict):
    """What signs and encrypts the pushes of one receiver. WeCom: token of up to 32 letters and digits, key of 43."""

    token: Secret = Field(repr=False)
    encoding_aes_key: Secret | None = Field(None, repr=False)

    @field_validator("token")
    @classmethod
    def _token(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9]{1,32}", value):
            raise ValueError("must be 1 to 32 letters and digits")
        return value

    @field_validator("encoding_aes_key")
    @classmethod
    def _key(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[A-Za-z0-9+/]{43}", value):
            raise ValueError("must be exactly 43 characters of the console's EncodingAESKey")
        return value


class AppSection(_Strict):
    agent_id: int | None = Field(None, ge=0)
    secret: Secret = Field(repr=False)


class ReceiveIds(_Strict):
    get: list[str]
    post: list[str]


class ReceiverSection(KeyPair):
    kind: ReceiverKind
    app: str | None = None
    previous: KeyPair | None = None
    receiveids: list[str] | ReceiveIds | None = None
    suite_id: str | None = None
    provider_corp_id: str | None = None
    app_id: str | None = Field(None, description="official account: its AppID")
    mode: Literal["plaintext", "compatible", "secure"] = "secure"

    @model_validator(mode="after")
    def _complete(self) -> "ReceiverSection":
        if self.mode != "secure" and self.kind != "official_account":
            raise ValueError("mode is only for official accounts")
        if self.mode != "plaintext" and self.encoding_aes_key is None:
            raise ValueError("encoding_aes_key is missing")
        if self.receiveids is None and self.kind == "suite" and not (self.suite_id and self.provider_corp_id):
            raise ValueError("a suite needs suite_id and provider_corp_id, or receiveids")
        if self.receiveids is None and self.kind == "official_account" and self.mode != "plaintext" and not self.app_id:
            raise ValueError("an official account needs app_id, or receiveids")
        return self

    def expected_receiveids(self, corp_id: str) -> ReceiveIds:
        """The ids that may end a decrypted push, per method; by default what the platform's documents say."""
        match self.receiveids:
            case ReceiveIds():
                return self.receiveids
            case list():
                return ReceiveIds(get=self.receiveids, post=self.receiveids)
        match self.kind:
            case "suite":
                return ReceiveIds(get=[self.provider_corp_id or ""], post=[self.suite_id or "", corp_id])
            case "robot":
                return ReceiveIds(get=[""], post=[""])
            case "official_account":
                return ReceiveIds(get=[self.app_id or ""], post=[self.app_id or ""])
        return ReceiveIds(get=[corp_id], post=[corp_id])


class CorpFile(_Strict):
    corp_id: str = Field(pattern=r"^[A-Za-z0-9_-]{2,64}$")
    name: str = Field(min_length=1)
    timezone: str = "Asia/Shanghai"
    language: Literal["zh", "en"] = "zh"
    accounts: int | None = Field(None, ge=1, description="the corp's ceiling of accounts: 200 messages a day for each")
    pushes: bool = Field(False, description="write what people want to WeCom; else it is only planned (observe-only)")
    currency: str = Field("CNY", pattern=r"^[A-Z]{3}$", description="of the amounts that customers are found by")
    subject: str = Field("self", pattern=r"^[A-Za-z0-9_-]{2,64}$")
    apps: dict[str, AppSection] = Field(default_factory=dict)
    receivers: dict[str, ReceiverSection] = Field(default_factory=dict)

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder of zones, as Asia
            raise ValueError("is not a time zone; an example is Asia/Shanghai") from None
        return value

    @model_validator(mode="after")
    def _apps_exist(self) -> "CorpFile":
        for name, receiver in self.receivers.items():
            if receiver.app is not None and receiver.app not in self.apps:
                raise ValueError(f"receivers.{name}.app names {receiver.app!r}, which is not among apps")
            if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
                raise ValueError(f"receivers.{name}: the name is part of an address; use letters, digits, _ and -")
        return self


def load_corp_file(path: Path) -> CorpFile:
    """
    Raises:
        CorpFileError: not readable, not TOML, or a field is missing, unknown or malformed.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CorpFileError(f"{path}: {error}") from None
    return parse_corp_file(content, source=str(path))


def parse_corp_file(content: dict[str, object], *, source: str) -> CorpFile:
    try:
        return CorpFile.model_validate(content)
    except ValidationError as error:
        # `input` is left out on purpose: it may be a secret.
        reasons = (f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors(include_input=False))
        raise CorpFileError(f"{source}: " + "; ".join(reasons)) from None
