"""Answers of the optimizer: what was asked by whom, the problem's digest and seed, and what was found.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLE = "answer"
KINDS = (
    "diagnose", "repair", "rules", "explain", "counterfactual", "harden", "frontier", "room", "waves", "shares",
    "portfolio",
)  # fmt: skip
ABOUT = ("opportunity", "suggestion", "consortium")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        TABLE,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        *(sa.Column(f"{noun}_id", sa.Uuid(), nullable=True) for noun in ABOUT),
        sa.Column("plan", sa.Integer(), nullable=True),
        sa.Column("edition", sa.Integer(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("priced", sa.Boolean(), nullable=False),
        sa.Column("closed", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("names", JSONB(), nullable=False),
        sa.Column("body", JSONB(), nullable=False),
        sa.CheckConstraint(
            f"kind in ({', '.join(repr(kind) for kind in KINDS)})", name=op.f("ck_answer_answer_kind")
        ),
        sa.CheckConstraint("closed >= 0", name=op.f("ck_answer_closed")),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_answer_job_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_answer_organisation_id"), ondelete="RESTRICT"
        ),
        *(
            sa.ForeignKeyConstraint(
                [f"{noun}_id"], [f"{noun}.id"], name=op.f(f"fk_answer_{noun}_id"), ondelete="CASCADE"
            )
            for noun in ABOUT
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answer")),
        sa.UniqueConstraint("job_id", name=op.f("uq_answer_job_id")),
    )  # fmt: skip
    for column in ("kind", "organisation_id", *(f"{noun}_id" for noun in ABOUT)):
        op.create_index(op.f(f"ix_answer_{column}"), TABLE, [column])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table(TABLE)
