"""Nobody asks for the most urgent request or the oldest new inbox row of all tenants any more."""

from alembic import op

revision = "20261122_0850_post_fair_claims"
down_revision = "20261122_0840_pre_fair_claims"


def upgrade() -> None:
    op.execute("drop index request_due, inbox_new")


def downgrade() -> None:
    op.execute(
        "create index request_due on request (lane, next_try_at) where generation > settled_generation "
        "and dead_at is null; create index inbox_new on inbox (id) where state = 'new'"
    )
