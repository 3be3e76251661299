"""What named persons state about rules of law: kept as it was written.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLE = "compliance_acknowledgement"


def upgrade() -> None:
    """Create the table and its guards."""
    op.create_table(
        TABLE,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("consortium_id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.String(length=20), nullable=False),
        sa.Column("rule_since", sa.Date(), nullable=False),
        sa.Column("pack", sa.String(length=40), nullable=False),
        sa.Column("pack_version", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("stated_on", sa.Date(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint("note <> ''", name=op.f("ck_compliance_acknowledgement_note")),
        sa.ForeignKeyConstraint(
            ["consortium_id"],
            ["consortium.id"],
            name=op.f("fk_compliance_acknowledgement_consortium_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_compliance_acknowledgement_organisation_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_compliance_acknowledgement_user_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compliance_acknowledgement")),
        sa.UniqueConstraint(
            "consortium_id", "rule_id", "rule_since", "subject", "stated_on",
            name="uq_compliance_acknowledgement_once",
        ),
    )  # fmt: skip
    for column in ("consortium_id", "organisation_id", "user_id"):
        op.create_index(op.f(f"ix_compliance_acknowledgement_{column}"), TABLE, [column])
    op.execute(
        f"create trigger kept_guard before update or delete on {TABLE} for each row execute function kept_guard()"
    )
    op.execute(f"create trigger kept_whole before truncate on {TABLE} execute function kept_guard()")


def downgrade() -> None:
    """Drop the table with its guards."""
    op.drop_table(TABLE)
