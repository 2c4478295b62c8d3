"""The pool's history of one customer, newest first, a page at a time: the timeline reads it so."""

from alembic import op

revision = "20261123_1115_pre_pool_history"
down_revision = "20261123_1110_pre_companies"


def upgrade() -> None:
    # It reads the whole history, which may take longer than 5 s.
    op.execute("set local statement_timeout = '10min'")
    op.execute("create index pool_change_history on pool_change (tenant_id, customer_id, at, id)")
    op.execute("set local statement_timeout = '5s'")


def downgrade() -> None:
    op.execute("drop index pool_change_history")
