"""Changes of data keys, and how far each has come; keys of the API go on seeing personal data as they did."""

from alembic import op

revision = "20261122_0990_pre_keys"
down_revision = "20261122_0980_pre_records"

AS_BEFORE = "update api_key set scopes = scopes || '{personal:read}'::text[] where not 'personal:read' = any(scopes)"


def upgrade() -> None:
    op.execute("""
create table key_rotation (
  tenant_id        integer not null,
  id               bigint generated always as identity,
  number           smallint not null,                 -- of the new key in the corp's ring
  state            text not null check (state in ('announced', 'switched', 'done')),
  ready_at         timestamptz not null,              -- when every process knows of the step before
  at_table         text,                              -- how far the walk has come
  cursor           jsonb,
  walk_count       bigint not null default 0,         -- made anew by the present walk
  changed_count    bigint not null default 0,
  unreadable_count bigint not null default 0,         -- of the present walk: values that no key of the ring opens
  started_at       timestamptz not null,
  started_by       text not null,
  finished_at      timestamptz,
  primary key (tenant_id, id)
);
create unique index key_rotation_open on key_rotation (tenant_id) where finished_at is null;
""")
    op.execute(AS_BEFORE)


def downgrade() -> None:
    op.execute("update api_key set scopes = array_remove(scopes, 'personal:read')")
    op.execute("drop table key_rotation")
