"""Intents about relations: what stood when they were asked for, and how far each has come on its way to WeCom."""

from alembic import op

revision = "20261122_0880_pre_write_back"
down_revision = "20261122_0870_pre_explaining"


def upgrade() -> None:
    op.execute("alter table tenant add column pushes boolean not null default false")
    op.execute(
        "alter table intent add column userid text, add column bases jsonb not null default '[]', "
        "add column pushes smallint not null default 0, add column sent_at timestamptz, "
        "add column accepted_at timestamptz"
    )
    # One wish at a time for a field of a relation: a newer one supersedes it first.
    op.execute(
        "create unique index intent_open on intent (tenant_id, subject_kind, subject_key, coalesce(userid, ''), field) "
        "where state in ('pending', 'sent')"
    )
    op.execute("drop index intent_pending")


def downgrade() -> None:
    op.execute(
        "create index intent_pending on intent (tenant_id, subject_kind, subject_key) where state in ('pending', 'sent')"
    )
    op.execute("drop index intent_open")
    op.execute(
        "alter table intent drop column userid, drop column bases, drop column pushes, drop column sent_at, "
        "drop column accepted_at"
    )
    op.execute("alter table tenant drop column pushes")
