"""Webhook endpoints of the retailer's own systems, and their rows in the outbox."""

from alembic import op

revision = "20261122_0930_pre_webhooks"
down_revision = "20261122_0920_pre_api"

STATES = "'due', 'sent', 'refused', 'expired', 'in_doubt', 'dead'"


def upgrade() -> None:
    op.execute("""
create table webhook_endpoint (
  tenant_id       integer not null,
  id              integer generated always as identity unique,
  url             bytea not null,                      -- encrypted: many a receiver has a token in its address
  secret          bytea not null,                      -- encrypted
  previous_secret bytea,                               -- signs too until previous_until, while the secret is rotated
  previous_until  timestamptz,
  fact_types      text[],                              -- null: all, also those of later versions
  causes          text[] not null,
  state           text not null default 'active' check (state in ('active', 'paused', 'disabled', 'removed')),
  reason          text,                                -- why it is not active
  changed_by      text not null,
  changed_at      timestamptz not null,
  made_by         text not null,
  made_at         timestamptz not null,
  failures        integer not null default 0,          -- in a row
  failing_since   timestamptz,
  closed_until    timestamptz,                         -- nothing is sent before
  accepted_at     timestamptz,                         -- about when it last accepted something
  primary key (tenant_id, id)
)""")
    # What waits for an endpoint is `queued`: the notifiers of before, which take whatever is `due`, leave it alone.
    # The wider check holds wherever the narrower one did, so that no row needs to be read for it.
    op.execute("alter table outbox drop constraint outbox_state_check")
    op.execute(f"alter table outbox add constraint outbox_state_check check (state in ({STATES}, 'queued')) not valid")
    op.execute("alter table outbox alter column expires_at drop not null")
    # They read the whole outbox, which may take longer than 5 s; messages wait meanwhile, callbacks do not. The outbox
    # is locked whole from above on: a lock that grows only here could meet one that waits for the smaller.
    op.execute("set local statement_timeout = '10min'")
    op.execute("create index outbox_queued on outbox (tenant_id, recipient, next_try_at, id) where state = 'queued'")
    op.execute(
        "create index outbox_webhook_settled on outbox (tenant_id, recipient, settled_at) "
        "where channel = 'webhook' and settled_at is not null"
    )
    op.execute("set local statement_timeout = '5s'")


def downgrade() -> None:
    op.execute("delete from outbox where channel = 'webhook'")
    op.execute("drop index outbox_webhook_settled")
    op.execute("drop index outbox_queued")
    op.execute("alter table outbox alter column expires_at set not null")
    op.execute("alter table outbox drop constraint outbox_state_check")
    op.execute(f"alter table outbox add constraint outbox_state_check check (state in ({STATES}))")
    op.execute("drop table webhook_endpoint")
