"""What an outbox row must say of how it is told, and ways into the log of deliveries."""

from alembic import op

revision = "20261123_1210_pre_delivery"
down_revision = "20261123_1200_pre_reminders"

UPGRADE = """
alter table outbox
  add column urgent  boolean not null default false,   -- goes out in quiet hours
  add column apart_s integer not null default 0;       -- after one of its kind, it waits so long for others
create index outbox_folded on outbox (tenant_id, folded_into) where folded_into is not null;
create index outbox_trouble on outbox (tenant_id, state, id) where state in ('dead', 'refused', 'expired', 'in_doubt');
create index outbox_recipient on outbox (tenant_id, recipient, id) where channel <> 'webhook';
"""


def upgrade() -> None:
    # It reads the whole outbox for its indexes, which may take longer than 5 s; messages wait meanwhile.
    op.execute("set local statement_timeout = 0")
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute("drop index outbox_recipient, outbox_trouble, outbox_folded")
    op.execute("alter table outbox drop column urgent, drop column apart_s")
