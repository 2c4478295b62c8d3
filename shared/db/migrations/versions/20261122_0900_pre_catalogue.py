"""Wishes for the catalogue of tags: what WeCom called the thing that one made; and which deleted tags relations lost."""

from alembic import op

revision = "20261122_0900_pre_catalogue"
down_revision = "20261122_0890_pre_bulk"


def upgrade() -> None:
    op.execute("alter table intent add column made_id text")
    # Null for a tombstone: relations may still carry the tag.
    op.execute("alter table tag add column taken_off_at timestamptz")


def downgrade() -> None:
    op.execute("alter table tag drop column taken_off_at")
    op.execute("alter table intent drop column made_id")
