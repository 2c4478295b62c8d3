"""Totals of SOPs follow rows that go: of an erased customer, or of a way that gave way in a merge.

Totals count enrolments and steps by triggers; rows that were deleted stayed in them for good. So all are counted anew.
"""

from alembic import op

revision = "20261123_1320_pre_sop_tally"
down_revision = "20261123_1311_post_outbox_ways"

TRIGGERS = """
create function tally_sop_left() returns trigger language plpgsql as $$
begin
  insert into sop_tally as t (tenant_id, rule_id, step_id, userid, state, n)
  select tenant_id, rule_id, 0, '', state, -count(*) from was group by 1, 2, 5 order by 1, 2, 5
  on conflict (tenant_id, rule_id, step_id, userid, state) do update set n = t.n + excluded.n;
  return null;
end $$;
create function tally_sop_dropped() returns trigger language plpgsql as $$
begin
  insert into sop_tally as t (tenant_id, rule_id, step_id, userid, state, n)
  select tenant_id, rule_id, step_id, coalesce(userid, ''), state, -count(*) from was
  group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
  on conflict (tenant_id, rule_id, step_id, userid, state) do update set n = t.n + excluded.n;
  return null;
end $$;
create trigger tally_delete after delete on sop_enrolment referencing old table as was
  for each statement execute function tally_sop_left();
create trigger tally_delete after delete on sop_progress referencing old table as was
  for each statement execute function tally_sop_dropped();
"""
# Nobody adds to either table between the count and the end of this transaction. First of all and in this order: whoever
# writes steps has locked rows of enrolments before, which `exclusive` waits for; so none is in the middle.
LOCKS = """
lock table sop_enrolment in exclusive mode;
lock table sop_progress in share row exclusive mode;
"""
AGAIN = """
delete from sop_tally;
insert into sop_tally (tenant_id, rule_id, step_id, userid, state, n)
select tenant_id, rule_id, 0, '', state, count(*) from sop_enrolment group by 1, 2, 5
union all
select tenant_id, rule_id, step_id, coalesce(userid, ''), state, count(*) from sop_progress group by 1, 2, 3, 4, 5;
"""


def upgrade() -> None:
    # It reads all enrolments and steps once; looks wait meanwhile.
    op.execute("set local statement_timeout = '10min'")
    op.execute(LOCKS)
    op.execute(TRIGGERS)
    op.execute(AGAIN)


def downgrade() -> None:
    op.execute("drop trigger tally_delete on sop_enrolment")
    op.execute("drop trigger tally_delete on sop_progress")
    op.execute("drop function tally_sop_left, tally_sop_dropped")
