"""Every column that is encrypted with a tenant's data key, and every other column of bytes, so that none is forgotten.

A test compares both with the database: who adds a column of bytes says here what is in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.blacklist.store import END_REASON, REASON
from services.bulk_changes.store import ASKED as CHANGE
from services.bulk_changes.store import BEFORE
from services.bulk_changes.store import REASON as WHY
from services.cards.store import OWN
from services.companies.store import DETAILS as COMPANY
from services.customers.store import MOBILES
from services.customers.store import UNIONID as UNIONID_OF_CONTACT
from services.files.jobs import ASKED, FOUND, PROBLEM
from services.files.store import BODY as PIECE
from services.files.store import NAME
from services.groups.store import UNIONID as UNIONID_OF_MEMBER
from services.intents.store import VALUE as WISH
from services.message_cards.presses import CODE
from services.notes.store import BODY as NOTE_BODY
from services.persons.store import VALUE
from services.pool.store import NOTE
from services.purchases.store import PROPERTIES
from services.robots.store import KEY
from services.rules.book import FILTER as FILTER_OF_TAG
from services.saved_filters.store import FILTER as FILTER_SAVED
from services.scores.store import REASON as WHY_POINTS
from services.segments.store import FILTER as FILTER_OF_SEGMENT
from services.sops.store import SPEC as SOP
from services.stages.store import FILTER as FILTER_OF_STAGE
from services.tasks.store import TITLE
from services.transfers.ask import MESSAGE
from services.webhooks.store import SECRET, URL
from services.welcomes.files import BODY as WELCOME_FILE
from services.welcomes.log import BODY as WELCOME
from shared.answers import BODY as ANSWER
from shared.audit import DETAILS
from shared.inbox import BODY as EVENT
from shared.outbox import BODY as NOTICE
from shared.outbox import RESPONSE_CODE


@dataclass(frozen=True)
class Sealed:
    """A table with encrypted columns. `key`: its primary key without the tenant, column -> type, in order.

    `columns`: column -> context, in which `{...}` is a column of the key. `documents`: columns of JSON in which each
    text is an encrypted value in hex. `page_rows`: as many as fit into memory at once.
    """

    table: str
    key: Mapping[str, str]
    columns: Mapping[str, str]
    documents: Mapping[str, str] = field(default_factory=dict)
    page_rows: int = 500


ID = {"id": "bigint"}
SEALED = (
    Sealed("app", {"name": "text"}, {"secret": "app.secret"}),
    Sealed(
        "receiver",
        ID,
        {
            **dict.fromkeys(("token", "previous_token"), "receiver.token"),
            **dict.fromkeys(("aes_key", "previous_aes_key"), "receiver.aes_key"),
        },
    ),
    Sealed("credential", {"app": "text", "kind": "text"}, {"value": "app.{kind}"}),
    Sealed("webhook_endpoint", ID, {"url": URL, **dict.fromkeys(("secret", "previous_secret"), SECRET)}),
    Sealed("customer", ID, {"own": OWN}),
    Sealed("identity", {"kind": "text", "hmac": "bytea", "customer_id": "bigint"}, {"value": VALUE}),
    Sealed("external_contact", {"external_userid": "text"}, {"unionid": UNIONID_OF_CONTACT}),
    Sealed("relation", {"external_userid": "text", "userid": "text"}, {"remark_mobiles": MOBILES}),
    Sealed(
        "group_member", {"chat_id": "text", "member_id": "text", "number": "bigint"}, {"unionid": UNIONID_OF_MEMBER}
    ),
    Sealed("pool_record", {"customer_id": "bigint"}, {"note": NOTE}),
    Sealed("blacklist_entry", ID, {"reason": REASON, "end_reason": END_REASON}),
    Sealed("company", {"company_id": "text"}, {"details": COMPANY}),
    Sealed("customer_note", ID, {"body": NOTE_BODY}),
    Sealed("customer_task", ID, {"title": TITLE}),
    Sealed("file", ID, {"name": NAME}),
    Sealed("file_job", ID, {"asked": ASKED, "found": FOUND, "problem": PROBLEM}),
    Sealed("file_piece", {"file_id": "bigint", "n": "integer"}, {"body": PIECE}, page_rows=8),
    Sealed("automatic_tag", ID, {"filter": FILTER_OF_TAG}),
    Sealed("bulk_change", ID, {"asked": CHANGE, "reason": WHY}),
    Sealed("bulk_change_row", {"change_id": "bigint", "customer_id": "bigint"}, {"before": BEFORE}),
    Sealed("saved_filter", ID, {"filter": FILTER_SAVED}),
    Sealed("score_entry", ID, {"reason": WHY_POINTS}),
    Sealed("segment", ID, {"filter": FILTER_OF_SEGMENT}),
    Sealed("sop_rule", ID, {"spec": SOP}),
    Sealed("stage", ID, {"filter": FILTER_OF_STAGE}),
    Sealed("intent", ID, {}, {"desired": WISH, "bases": WISH}),
    Sealed("transfer", ID, {"message": MESSAGE}),
    Sealed("customer_event", {"event_id": "text"}, {"properties": PROPERTIES}),
    Sealed("audit", ID, {"details": DETAILS}),
    Sealed("api_answer", {"route": "text", "key_hmac": "bytea"}, {"body": ANSWER}),
    Sealed("welcome", ID, {"body": WELCOME}),
    Sealed("welcome_file", ID, {"body": WELCOME_FILE}, page_rows=1),
    Sealed("outbox", ID, {"body": NOTICE, "response_code": RESPONSE_CODE}),
    Sealed("card_press", ID, {"response_code": CODE}),
    Sealed("group_robot", ID, {"key": KEY}),
    Sealed("inbox", {"day": "date", "receiver_id": "bigint", "digest": "bytea"}, {"body": EVENT}),
)

PLAIN = {
    "tenant.data_key": "the ring of keys itself, wrapped by the secret key",
    "api_key.secret_hash": "sha-256 of 32 random bytes",
    "api_answer.key_hmac": "a blind index",
    "api_answer.request": "a blind index",
    "identity.hmac": "a blind index",
    "customer_name.digest": "a blind index",
    "inbox.digest": "sha-256 of an event's body",
    "urgent_event.digest": "sha-256 of an event's body",
    "welcome.code_digest": "sha-256 of a code that is good for one message",
    "evidence.fingerprint": "sha-256 of an event's body",
    "card_press.fingerprint": "sha-256 of an event's body",
    "relation.digest": "of a row as a walk has shown it",
}
"""Columns of bytes that no data key opens."""
