"""Disclosure by field, what suggestions rest on, statistics as they were released, and cases of the bureau.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TABLES = ("field_disclosure", "statistic_release", "statistic_cell", "statistic_ground", "bureau_case")
KEPT = ("statistic_release", "statistic_cell", "statistic_ground")
TIERS = {"capability": "capacity_disclosure", "capability_price": "disclosure"}
FIELDS = ("unit_price", "monthly_quantity", "lead_days", "countries", "certificates", "contact", "turnover")
WIDE = ("solver", "nda", "matched", "public")
NARROW = ("solver", "matched")
NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    """Widen the tiers, say what runs rested on, create the tables, and keep what was released as it was."""
    for table, column in TIERS.items():
        op.drop_constraint(op.f(f"ck_{table}_disclosure"), table)
        op.create_check_constraint(op.f(f"ck_{table}_disclosure"), table, _among(column, WIDE))
    op.add_column("suggestion", sa.Column("priced", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("suggestion", sa.Column("closed", sa.Integer(), nullable=False, server_default="0"))
    for column in ("priced", "closed"):
        op.alter_column("suggestion", column, server_default=None)
    op.create_check_constraint(op.f("ck_suggestion_closed"), "suggestion", "closed >= 0")
    _disclosure()
    _statistics()
    _cases()
    for table in KEPT:
        op.execute(
            f"create trigger kept_guard before update or delete on {table} for each row execute function kept_guard()"
        )
        op.execute(f"create trigger kept_whole before truncate on {table} execute function kept_guard()")


def _among(column: str, values: tuple[str, ...]) -> str:
    return f"{column} in ({', '.join(repr(value) for value in values)})"


def _disclosure() -> None:
    op.create_table(
        "field_disclosure",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("field", sa.String(20), nullable=False),
        sa.Column("tier", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.CheckConstraint(_among("field", FIELDS), name=op.f("ck_field_disclosure_declared_field")),
        sa.CheckConstraint(_among("tier", WIDE), name=op.f("ck_field_disclosure_disclosure")),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_field_disclosure_reason")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_field_disclosure_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_field_disclosure_user_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("organisation_id", "field", name=op.f("pk_field_disclosure")),
    )
    op.create_index(op.f("ix_field_disclosure_user_id"), "field_disclosure", ["user_id"])


def _statistics() -> None:
    op.create_table(
        "statistic_release",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("cube", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=40), nullable=False),
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("dimensions", JSONB(), nullable=False),
        sa.CheckConstraint("extract(day from period) = 1", name=op.f("ck_statistic_release_period")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statistic_release")),
        sa.UniqueConstraint("cube", "subject", "period", name="uq_statistic_release_once"),
    )
    release = "fk_{}_release_id"
    op.create_table(
        "statistic_cell",
        sa.Column("release_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("key", ARRAY(sa.Text()), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["release_id"], ["statistic_release.id"], name=op.f(release.format("statistic_cell")), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("release_id", "place", name=op.f("pk_statistic_cell")),
    )
    op.create_table(
        "statistic_ground",
        sa.Column("release_id", sa.Uuid(), nullable=False),
        sa.Column("ground", JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["release_id"], ["statistic_release.id"], name=op.f(release.format("statistic_ground")), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("release_id", name=op.f("pk_statistic_ground")),
    )


def _cases() -> None:
    op.create_table(
        "bureau_case",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("firm_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("organisation_id <> firm_id", name=op.f("ck_bureau_case_two_sides")),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_bureau_case_reason")),
        sa.ForeignKeyConstraint(
            ["firm_id"], ["organisation.id"], name=op.f("fk_bureau_case_firm_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_bureau_case_organisation_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_bureau_case_user_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bureau_case")),
    )
    for column in ("firm_id", "organisation_id", "user_id"):
        op.create_index(op.f(f"ix_bureau_case_{column}"), "bureau_case", [column])


def downgrade() -> None:
    """Drop the tables, and close again what was shown to others than before."""
    for table in reversed(TABLES):
        op.drop_table(table)
    op.drop_constraint(op.f("ck_suggestion_closed"), "suggestion")
    for column in ("closed", "priced"):
        op.drop_column("suggestion", column)
    for table, column in TIERS.items():
        op.drop_constraint(op.f(f"ck_{table}_disclosure"), table)
        told = sa.table(table, sa.column(column))
        for wide, narrow in (("nda", "solver"), ("public", "matched")):
            op.execute(sa.update(told).where(told.c[column] == wide).values({column: narrow}))
        op.create_check_constraint(op.f(f"ck_{table}_disclosure"), table, _among(column, NARROW))
