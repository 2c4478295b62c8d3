"""Data scope in the database: a role that sees only the customers of some associates, and keys that are bound to it.

Every table with a customer's id is closed by one policy: its customer's card must be visible. What else the role may
read is granted table by table; all that is not named here, or made later, it cannot read at all.
"""

from alembic import op

revision = "20261122_1090_pre_scope"
down_revision = "20261122_1030_pre_bulk_customers"

BY_CARD = "exists (select from customer_card k where k.tenant_id = {table}.tenant_id and k.customer_id = {table}.{column})"
BY_CONTACT = (
    "exists (select from external_contact e where e.tenant_id = {table}.tenant_id and e.external_userid = {table}.{column})"
)
OPEN = (
    "associate", "outlet", "tag", "tag_group", "local_tag", "local_tag_group", "custom_field", "stage", "stage_line",
    "segment", "bulk_job",
)  # fmt: skip
"""What tells nothing of customers."""

ROLE = """
do $$ begin
  if not exists (select from pg_roles where rolname = 'guanxi_scoped') then
    create role guanxi_scoped nologin;
  end if;
exception when duplicate_object or unique_violation then null;
end $$;
do $$ begin
  -- Since PostgreSQL 16 whoever makes a role may administer it, but not become it.
  begin
    set local role guanxi_scoped;
    reset role;
  exception when insufficient_privilege then
    execute format('grant guanxi_scoped to %I', current_user);
  end;
end $$;
create function guanxi_viewers() returns text[] language sql stable
  as $$ select coalesce(nullif(current_setting('guanxi.viewers', true), ''), '{}')::text[] $$;
create function guanxi_tenant() returns integer language sql stable
  as $$ select nullif(current_setting('guanxi.tenant', true), '')::integer $$;
alter table api_key add column userid text, add column department_ids bigint[] not null default '{}';
"""

# Each table that holds a customer's id, and those that hold a contact's.
CUSTOMERS = (
    "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid where a.attname = 'customer_id' "
    "and not a.attisdropped and c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = 'public'::regnamespace "
    "and c.relname not in ('customer_card', 'card_due')"
)


def upgrade() -> None:
    op.execute(ROLE)
    closed = {row[0]: BY_CARD.format(table=row[0], column="customer_id") for row in op.get_bind().exec_driver_sql(CUSTOMERS)}
    closed["customer"] = BY_CARD.format(table="customer", column="id")
    closed["relation"] = BY_CONTACT.format(table="relation", column="external_userid")
    closed["intent"] = "subject_kind = 'external_contact' and " + BY_CONTACT.format(table="intent", column="subject_key")
    closed["group_member"] = "kind = 'associate' or " + BY_CONTACT.format(table="group_member", column="member_id")
    closed["group_chat"] = "owner_userid = any((select guanxi_viewers())::text[])"
    closed["customer_card"] = "seen_by && (select guanxi_viewers())"
    for table, condition in closed.items():
        op.execute(f"alter table {table} enable row level security")
        op.execute(
            f"create policy scoped on {table} for select to guanxi_scoped "
            f"using (tenant_id = (select guanxi_tenant()) and ({condition}))"
        )
        op.execute(f"grant select on {table} to guanxi_scoped")
    for table in OPEN:
        op.execute(f"grant select on {table} to guanxi_scoped")


def downgrade() -> None:
    op.execute(
        "do $$ declare one record; begin for one in select tablename from pg_policies where policyname = 'scoped' loop "
        "execute format('drop policy scoped on %I', one.tablename); "
        "execute format('alter table %I disable row level security', one.tablename); end loop; end $$"
    )
    op.execute("do $$ begin execute 'revoke all on all tables in schema public from guanxi_scoped'; end $$")
    op.execute("drop function guanxi_viewers, guanxi_tenant")
    op.execute("alter table api_key drop column userid, drop column department_ids")
