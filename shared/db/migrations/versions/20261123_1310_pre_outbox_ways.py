"""Ways into an outbox of millions of rows: for the log by state, kind and time, recalls, robots, cards, expiry, doubt."""

from alembic import op

revision = "20261123_1310_pre_outbox_ways"
down_revision = "20261123_1300_pre_gathering"

UPGRADE = """
create index outbox_log_state on outbox (tenant_id, state, id) where channel <> 'webhook';
create index outbox_log_notice on outbox (tenant_id, notice, id) where channel <> 'webhook';
create index outbox_log_time on outbox (tenant_id, created_at, id) where channel <> 'webhook';
create index outbox_last_told on outbox (tenant_id, recipient, notice, (about is null), settled_at)
  where state = 'sent' and channel <> 'webhook';
create index outbox_recall_now on outbox (next_try_at) where recall = 'wanted' and state = 'sent';
create index outbox_recall_late on outbox (settled_at) where recall = 'wanted';
create index outbox_expiring on outbox (expires_at) where state = 'due';
create index outbox_unknown on outbox (first_unknown_at) where state = 'due' and first_unknown_at is not null;
create index outbox_robots_expiring on outbox (expires_at) where state = 'queued' and channel = 'robot';
create index outbox_robots on outbox (recipient, next_try_at, id) where state = 'queued' and channel = 'robot';
create index outbox_cards on outbox (next_try_at, id) where state = 'queued' and channel = 'wecom_card';
"""


def upgrade() -> None:
    # It reads the whole outbox for its indexes, which may take longer than 5 s; messages wait meanwhile.
    op.execute("set local statement_timeout = 0")
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(
        "drop index outbox_cards, outbox_robots, outbox_robots_expiring, outbox_unknown, outbox_expiring, "
        "outbox_recall_late, outbox_recall_now, outbox_last_told, outbox_log_time, outbox_log_notice, outbox_log_state"
    )
