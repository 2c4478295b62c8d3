"""The directory: who is in sight, who has left for certain, who got another userid, and why each row is as it is."""

from alembic import op

revision = "20261122_0830_pre_directory"
down_revision = "20261122_0820_pre_tags"

# The code before this one took every member and department that it could not read for gone. It could not tell.
SCHEMA = """
alter table associate
  add column in_sight   boolean not null default true,      -- the app may read them; not so is no departure
  add column seen_at    timestamptz,                        -- start of a read that showed them
  add column joined_at  timestamptz,                        -- set when they are told as new, at the event's time if any
  add column renamed_to text,                               -- this row is what is left of an old userid
  add column cause      text not null default 'bootstrap',
  add column caused_by  text;
update associate set seen_at = observed_at where gone_at is null and name is not null;
update associate set in_sight = false, has_contact = false, gone_at = null where gone_at is not null;
create index associate_of_outlet on associate (tenant_id, main_department_id) where gone_at is null;
create index associate_leads on associate using gin (leader_in) where gone_at is null;

alter table outlet
  add column in_sight   boolean not null default true,
  add column added_at   timestamptz,                        -- as joined_at of an associate
  add column cause      text not null default 'bootstrap',
  add column caused_by  text;
update outlet set in_sight = false, gone_at = null where gone_at is not null or name is null;

create table userid_alias (                                 -- late events name the userid of their own time
  tenant_id   integer not null,
  old_userid  text not null,
  renamed_at  timestamptz not null,
  new_userid  text not null,
  ended_at    timestamptz,                                  -- somebody else has the old userid since then
  cause       text not null,
  caused_by   text,
  recorded_at timestamptz not null,
  primary key (tenant_id, old_userid, renamed_at)
);
create index userid_alias_new on userid_alias (tenant_id, new_userid);
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute(
        "drop table userid_alias; "
        "drop index associate_of_outlet; drop index associate_leads; "
        "alter table associate drop column in_sight, drop column seen_at, drop column joined_at, "
        "drop column renamed_to, drop column cause, drop column caused_by; "
        "alter table outlet drop column in_sight, drop column added_at, drop column cause, drop column caused_by"
    )
