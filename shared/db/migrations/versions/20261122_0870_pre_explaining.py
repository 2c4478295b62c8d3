"""The messages that came of a fact are found by it, however many a corp has sent."""

from alembic import op

revision = "20261122_0870_pre_explaining"
down_revision = "20261122_0860_pre_plans"


def upgrade() -> None:
    # It reads the whole outbox, which may take longer than 5 s.
    op.execute("set local statement_timeout = '10min'")
    op.execute("create index outbox_of_fact on outbox (tenant_id, fact_id)")
    op.execute("set local statement_timeout = '5s'")


def downgrade() -> None:
    op.execute("drop index outbox_of_fact")
