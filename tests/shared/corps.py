"""An invented corp, as its file describes it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from shared.corp_file import CorpFile, parse_corp_file
from shared.ids import TenantId
from shared.tenants import record_corp
from shared.vault import Vault

CORP = "ww7f3ac19e0b52d846"
CLOSED_CORP = "ww00000000000000ff"
OTHER_VAULT = Vault("another secret key than that of the tests")
APP_SECRET = "an-app-secret-that-nobody-may-see"
TOKEN, AES_KEY = "tokenThatNobodyMaySee", "keyThatNobodyMaySee".ljust(43, "K")
OLD_TOKEN, OLD_AES_KEY = "oldTokenThatNobodyMaySee", "oldKeyThatNobodyMaySee".ljust(43, "O")
SECRETS = (APP_SECRET, TOKEN, AES_KEY, OLD_TOKEN, OLD_AES_KEY)
KEYS = {"token": TOKEN, "encoding_aes_key": AES_KEY}
OLD_KEYS = {"token": OLD_TOKEN, "encoding_aes_key": OLD_AES_KEY}


def corp_content(**changes: Any) -> dict[str, Any]:
    return {
        "corp_id": CORP,
        "name": "Example Retail",
        "apps": {"contact": {"agent_id": 1000002, "secret": APP_SECRET}},
        "receivers": {
            "main": {"kind": "app", "app": "contact", "previous": OLD_KEYS, **KEYS},
            "directory": {"kind": "directory", **KEYS},
        },
        **changes,
    }


def corp_file(**changes: Any) -> CorpFile:
    return parse_corp_file(corp_content(**changes), source="test")


def record_closed_corp(connection: Connection, *, now: datetime) -> TenantId:
    """A corp that the secret key of the tests does not open, with one receiver."""
    file = corp_file(corp_id=CLOSED_CORP, receivers={"closed": {"kind": "app", **KEYS}})
    return record_corp(connection, OTHER_VAULT, file, now=now)
