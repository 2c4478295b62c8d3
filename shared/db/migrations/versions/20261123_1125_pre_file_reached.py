"""How far an import or export ever got: an XLSX is begun anew when its process dies."""

from alembic import op

revision = "20261123_1125_pre_file_reached"
down_revision = "20261123_1120_pre_waiting"


def upgrade() -> None:
    op.execute("alter table file_job add column if not exists reached bigint not null default 0")


def downgrade() -> None:
    op.execute("alter table file_job drop column reached")
