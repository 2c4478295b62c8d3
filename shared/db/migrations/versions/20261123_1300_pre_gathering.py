"""What an outbox row must say for a burst to be one message, and for changed settings to reach what waits."""

from alembic import op

revision = "20261123_1300_pre_gathering"
down_revision = "20261123_1250_pre_welcome"

UPGRADE = """
alter table outbox
  add column gathers_until timestamptz,                -- by itself it waits until then for others to be told with
  add column meant_at      timestamptz,                -- when it was to go out, quiet hours apart
  add column true_until    timestamptz;                -- of no use any more then, whatever becomes of it
create index outbox_open on outbox (tenant_id, id) where state in ('due', 'queued') and channel <> 'webhook';
create index bulk_change_open on bulk_change (tenant_id) where state = 'running';

create table reminder_review (                         -- what waits is looked at anew after a change of the settings
  tenant_id integer not null,
  recipient text not null,                             -- '': whoever it is
  notice    text not null,                             -- '': all kinds
  reached   bigint not null default 0,                 -- outbox rows up to this id were looked at
  primary key (tenant_id, recipient, notice)
);
"""


def upgrade() -> None:
    # It reads the whole outbox for its index, which may take longer than 5 s; messages wait meanwhile.
    op.execute("set local statement_timeout = 0")
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute("drop table reminder_review")
    op.execute("drop index bulk_change_open, outbox_open")
    op.execute("alter table outbox drop column gathers_until, drop column meant_at, drop column true_until")
