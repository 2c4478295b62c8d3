"""New rows of the inbox by tenant, so that each corp's turn is found however many rows another one has."""

from alembic import op

revision = "20261122_0840_pre_fair_claims"
down_revision = "20261122_0830_pre_directory"


def upgrade() -> None:
    # It reads the whole inbox, which may take longer than 5 s; callbacks go to the gateway's spool meanwhile.
    op.execute("set local statement_timeout = '10min'")
    op.execute("create index inbox_new_of_tenant on inbox (tenant_id, id) where state = 'new'")
    op.execute("set local statement_timeout = '5s'")


def downgrade() -> None:
    op.execute("drop index inbox_new_of_tenant")
