"""Indexes that others have taken the place of."""

from alembic import op

revision = "20261123_1311_post_outbox_ways"
down_revision = "20261123_1310_pre_outbox_ways"


def upgrade() -> None:
    op.execute("drop index outbox_told, outbox_recall, outbox_apart")


def downgrade() -> None:
    op.execute("set local statement_timeout = 0")
    op.execute(
        "create index outbox_apart on outbox (next_try_at) "
        "where state = 'queued' and channel in ('robot', 'wecom_card')"
    )
    op.execute("create index outbox_recall on outbox (next_try_at) where recall = 'wanted'")
    op.execute("create index outbox_told on outbox (tenant_id, recipient, notice, settled_at) where state = 'sent'")
