"""Proving who one is: second factor, recovery, accounts elsewhere, what a session knows of its last use and proof.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLES = (
    "pending_sign_in",
    "second_factor",
    "recovery_code",
    "recovery",
    "linked_identity",
    "throttle",
)
NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    """Add what sessions and accounts remember, and the tables; a session that exists was proven when it began."""
    op.add_column(
        "user_account",
        sa.Column("password_changed_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
    )
    op.add_column("sign_in", sa.Column("agent", sa.String(length=200), nullable=True))
    for name in ("seen_at", "proven_at"):
        op.add_column("sign_in", sa.Column(name, sa.DateTime(timezone=True), server_default=NOW, nullable=False))
    op.add_column("sign_in", sa.Column("second_factor", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.alter_column("sign_in", "second_factor", server_default=None)
    op.execute("update sign_in set proven_at = created_at")
    op.create_table(
        "pending_sign_in",
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        _person(),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("octet_length(secret_hash) = 32", name=op.f("ck_pending_sign_in_secret_hash")),
        _belongs("pending_sign_in"),
        sa.PrimaryKeyConstraint("secret_hash", name=op.f("pk_pending_sign_in")),
    )
    op.create_table(
        "second_factor",
        _person(),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=True),
        _belongs("second_factor"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_second_factor")),
    )
    op.create_table(
        "recovery_code",
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        _person(),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("octet_length(secret_hash) = 32", name=op.f("ck_recovery_code_secret_hash")),
        _belongs("recovery_code"),
        sa.PrimaryKeyConstraint("secret_hash", name=op.f("pk_recovery_code")),
    )
    op.create_table(
        "recovery",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("email", sa.String(length=200), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("octet_length(secret_hash) = 32", name=op.f("ck_recovery_secret_hash")),
        _belongs("recovery"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_recovery_secret_hash")),
    )
    op.create_table(
        "linked_identity",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        _person(),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("issuer", sa.String(length=300), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        _belongs("linked_identity"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_linked_identity")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_linked_identity_issuer_subject")),
    )
    op.create_table(
        "throttle",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject", name=op.f("pk_throttle")),
    )
    for table in ("pending_sign_in", "recovery_code", "recovery", "linked_identity"):
        op.create_index(op.f(f"ix_{table}_user_id"), table, ["user_id"])


def _person() -> "sa.Column[object]":
    return sa.Column("user_id", sa.Uuid(), nullable=False)


def _belongs(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["user_id"], ["user_account.id"], name=op.f(f"fk_{table}_user_id"), ondelete="CASCADE"
    )


def downgrade() -> None:
    """Drop the tables and what was added."""
    for table in reversed(TABLES):
        op.drop_table(table)
    for name in ("second_factor", "proven_at", "seen_at", "agent"):
        op.drop_column("sign_in", name)
    op.drop_column("user_account", "password_changed_at")
