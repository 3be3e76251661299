"""The chain of hashes over all events: one link an event, in commit order, kept as it was written.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLE = "audit_seal"


def upgrade() -> None:
    """Create the table and its guards."""
    op.create_table(
        TABLE,
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("seq > 0", name=op.f("ck_audit_seal_seq")),
        sa.CheckConstraint("octet_length(previous) = 32", name=op.f("ck_audit_seal_previous")),
        sa.CheckConstraint("octet_length(hash) = 32", name=op.f("ck_audit_seal_hash")),
        sa.ForeignKeyConstraint(
            ["event_id"], ["event.id"], name=op.f("fk_audit_seal_event_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_seal")),
        sa.UniqueConstraint("event_id", name=op.f("uq_audit_seal_event_id")),
    )  # fmt: skip
    op.execute(
        f"create trigger kept_guard before update or delete on {TABLE} for each row execute function kept_guard()"
    )
    op.execute(f"create trigger kept_whole before truncate on {TABLE} execute function kept_guard()")


def downgrade() -> None:
    """Drop the table with its guards."""
    op.drop_table(TABLE)
