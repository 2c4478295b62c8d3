"""A plan may wait while an approved one is applied; what a page shows is looked up in the plans that are open."""

from alembic import op

revision = "20261122_0860_pre_plans"
down_revision = "20261122_0850_post_fair_claims"


def upgrade() -> None:
    op.execute(
        "drop index removal_plan_open;"
        "create unique index removal_plan_open on removal_plan (tenant_id, resource) where state = 'refused';"
        "create index removal_operation_subject on removal_operation (tenant_id, plan_id, subject_key)"
    )


def downgrade() -> None:
    op.execute(
        "drop index removal_operation_subject;"
        "update removal_plan p set state = 'superseded' where state = 'refused' and exists (select from removal_plan a "
        "where a.tenant_id = p.tenant_id and a.resource = p.resource and a.state = 'approved');"
        "drop index removal_plan_open;"
        "create unique index removal_plan_open on removal_plan (tenant_id, resource) "
        "where state in ('refused', 'approved')"
    )
