"""The baseline: the callback receiver one writes in an afternoon with Flask, wechatpy and gunicorn.

It does the same duty: verify, decrypt, store under a unique key with a durable commit, answer. One commit per event, a
database connection kept per thread. It leaves out what it can: its rows are neither encrypted nor partitioned.
"""

import hashlib
import json
import threading
from datetime import UTC, datetime
from typing import Any

import psycopg
from flask import Flask, Response, request
from wechatpy.enterprise.crypto import WeChatCrypto

SCHEMA = """
create table if not exists plain_event (
  receiver text not null,
  digest bytea not null,
  received_at timestamptz not null,
  body bytea not null,
  primary key (receiver, digest)
)
"""
INSERT = "insert into plain_event values (%s, %s, %s, %s) on conflict do nothing"


def create_app(configuration: str) -> Flask:
    """`configuration` is JSON: database_url, token, encoding_aes_key, corp_id."""
    settings: dict[str, Any] = json.loads(configuration)
    crypto = WeChatCrypto(settings["token"], settings["encoding_aes_key"], settings["corp_id"])
    local = threading.local()
    app = Flask(__name__)

    def connection() -> psycopg.Connection[Any]:
        if not hasattr(local, "connection"):
            local.connection = psycopg.connect(
                settings["database_url"], autocommit=True, prepare_threshold=0, options="-c synchronous_commit=on"
            )
        kept: psycopg.Connection[Any] = local.connection
        return kept

    @app.post("/callback/<corp_id>/<receiver>")
    def receive(corp_id: str, receiver: str) -> Response:  # noqa: ARG001 - part of the address
        query = request.args
        plaintext = crypto.decrypt_message(
            request.get_data(), query["msg_signature"], query["timestamp"], query["nonce"]
        )
        body = plaintext.encode() if isinstance(plaintext, str) else plaintext
        row = (receiver, hashlib.sha256(body).digest(), datetime.now(UTC), body)
        connection().execute(INSERT, row)
        return Response("")

    return app
