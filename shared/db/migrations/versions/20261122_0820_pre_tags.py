"""Corp tags in their groups, and which evidence became facts although no read goes with it."""

from alembic import op

revision = "20261122_0820_pre_tags"
down_revision = "20261122_0810_pre_groups"

SCHEMA = """
create table tag_group (
  tenant_id   integer not null,
  group_id    text not null,
  name        text,
  sort        bigint,                                  -- WeCom's order: larger comes first
  created_at  timestamptz,
  shown_at    timestamptz not null,                    -- start of the first read that showed it since it was last gone
  deleted_at  timestamptz,
  missing_at  timestamptz,                             -- reads lack it, but it takes a person to believe them
  observed_at timestamptz not null,                    -- start of the read that last changed this row
  cause       text not null,
  caused_by   text,
  primary key (tenant_id, group_id)
);

create table tag (
  tenant_id   integer not null,
  tag_id      text not null,
  group_id    text not null,
  name        text,
  sort        bigint,
  created_at  timestamptz,
  shown_at    timestamptz not null,
  deleted_at  timestamptz,
  missing_at  timestamptz,
  observed_at timestamptz not null,
  cause       text not null,
  caused_by   text,
  primary key (tenant_id, tag_id)
);
create index tag_of_group on tag (tenant_id, group_id);

alter table evidence add column told_at timestamptz;   -- of subjects that no read shows: when it became a fact
create index evidence_untold on evidence (tenant_id, subject_kind, subject_key)
  where told_at is null and subject_kind in ('acquisition_link', 'acquisition_quota');
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("drop index evidence_untold")
    op.execute("alter table evidence drop column told_at")
    op.execute("drop table tag, tag_group")
