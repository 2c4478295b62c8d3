"""Names that are unique while they live, and reasons of the blacklist as ciphertext: people write names into them.

Nobody has written rows of these tables yet.
"""

from alembic import op

revision = "20261122_0980_pre_records"
down_revision = "20261122_0970_pre_files"


def upgrade() -> None:
    op.execute(
        """
        alter table blacklist_entry drop column reason, drop column end_reason;
        alter table blacklist_entry add column reason bytea not null, add column end_reason bytea;
        create index blacklist_entry_of on blacklist_entry (tenant_id, customer_id, id);
        create unique index custom_field_name on custom_field (tenant_id, name) where deleted_at is null;
        create unique index local_tag_group_name on local_tag_group (tenant_id, of, name) where deleted_at is null;
        create unique index local_tag_name on local_tag (tenant_id, group_id, name) where deleted_at is null;
        """
    )


def downgrade() -> None:
    op.execute(
        """
        drop index local_tag_name;
        drop index local_tag_group_name;
        drop index custom_field_name;
        alter table blacklist_entry drop column reason, drop column end_reason;
        alter table blacklist_entry add column reason text not null, add column end_reason text;
        """
    )
