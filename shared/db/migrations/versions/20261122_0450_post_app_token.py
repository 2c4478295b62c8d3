"""Tokens lie in `credential` now."""

from alembic import op

revision = "20261122_0450_post_app_token"
down_revision = "20261122_0440_pre_wecom_limits"


def upgrade() -> None:
    op.execute("alter table app drop column token, drop column token_expires_at, drop column token_fetched_at")


def downgrade() -> None:
    op.execute(
        "alter table app add column token bytea, add column token_expires_at timestamptz, "
        "add column token_fetched_at timestamptz"
    )
