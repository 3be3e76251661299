"""Secrets and prices are sealed at rest; what leaves the mainland about persons is recorded.

What stands in a column that becomes sealed waits, in a form of its own, until a worker has sealed it.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

WHOLE, TEXT, DOCUMENT, BYTES = "whole", "text", "document", "bytes"
COLUMNS = (
    ("capability", "monthly_quantity", WHOLE, "integer"),
    ("capability_price", "unit_price", WHOLE, "bigint"),
    ("terms_line", "unit_price", WHOLE, "bigint"),
    ("channel", "address", TEXT, "varchar(500)"),
    ("endpoint", "secret", TEXT, "varchar(100)"),
    ("endpoint", "former_secret", TEXT, "varchar(100)"),
    ("job", "payload", DOCUMENT, "jsonb"),
    ("job", "outcome", DOCUMENT, "jsonb"),
    ("answer", "body", DOCUMENT, "jsonb"),
    ("agreement", "body", DOCUMENT, "jsonb"),
    ("import_batch", "report", DOCUMENT, "jsonb"),
    ("idempotency_key", "body", BYTES, "bytea"),
    ("statistic_ground", "ground", DOCUMENT, "jsonb"),
)
CHECKS = (
    ("capability", "monthly_quantity", "monthly_quantity >= 0"),
    ("capability_price", "unit_price", "unit_price >= 0"),
    ("terms_line", "unit_price", "unit_price >= 0"),
)
GUARDED = ("terms_line", "agreement", "statistic_ground")
TO_BYTES = {
    WHOLE: "int8send({0}::bigint)",
    TEXT: "convert_to({0}, 'UTF8')",
    DOCUMENT: "convert_to({0}::text, 'UTF8')",
    BYTES: "{0}",
}
FROM_BYTES = {
    WHOLE: "('x' || encode(substr({0}, 2), 'hex'))::bit(64)::bigint",
    TEXT: "convert_from(substr({0}, 2), 'UTF8')",
    DOCUMENT: "convert_from(substr({0}, 2), 'UTF8')::jsonb",
    BYTES: "substr({0}, 2)",
}

GUARD = """
create function sealed_guard() returns trigger language plpgsql as $$
declare
  sealed constant text[] := tg_argv;
begin
  -- sealing a column anew changes bytes and says nothing else; what they say is bound to the row by the seal itself
  if tg_op = 'UPDATE' and current_setting('lianzhou.sealing', true) = 'on'
    and to_jsonb(new) - sealed = to_jsonb(old) - sealed
    and jsonb_strip_nulls(to_jsonb(new)) ?& array(select jsonb_object_keys(jsonb_strip_nulls(to_jsonb(old)))) then
    return new;
  end if;
  perform refuse('ck_' || tg_table_name || '_kept', format('%s keeps every row as it was written', tg_table_name));
  return null;
end $$
"""
NONE_SEALED = """
do $$ begin
  if exists (select from {table} where get_byte({column}, 0) <> 0) then
    raise exception 'sealed values are left in {table}.{column}: run lianzhou keys open';
  end if;
end $$
"""


def upgrade() -> None:
    """Turn the columns into bytes; a first byte of 0 says that a value still waits to be sealed."""
    for table, name, _ in CHECKS:
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    for table, column, kind, _ in COLUMNS:
        op.execute(
            f"alter table {table} alter column {column} type bytea"
            f" using '\\x00'::bytea || {TO_BYTES[kind].format(column)}"
        )
    op.execute(GUARD)
    for table in GUARDED:
        column = next(column for name, column, *_ in COLUMNS if name == table)
        op.execute(f"drop trigger kept_guard on {table}")
        op.execute(
            f"create trigger kept_guard before update or delete on {table}"
            f" for each row execute function sealed_guard('{column}')"
        )

    _abroad()


def _abroad() -> None:
    moment, now = sa.DateTime(timezone=True), sa.text("clock_timestamp()")
    op.add_column("channel", sa.Column("place", sa.String(length=2), server_default="CN", nullable=False))
    op.create_table(
        "abroad_assessment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", moment, server_default=now, nullable=False),
        sa.Column("number", sa.String(length=120), nullable=False),
        sa.Column("basis", sa.String(length=20), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("number <> ''", name=op.f("ck_abroad_assessment_number")),
        sa.CheckConstraint(
            "basis in ('assessment', 'contract', 'certification')", name=op.f("ck_abroad_assessment_abroad_basis")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_abroad_assessment_user_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_abroad_assessment")),
    )
    op.create_index(op.f("ix_abroad_assessment_user_id"), "abroad_assessment", ["user_id"])
    op.create_table(
        "abroad_transfer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", moment, server_default=now, nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("receiver", sa.String(length=20), nullable=False),
        sa.Column("place", sa.String(length=2), nullable=False),
        sa.Column("assessment_id", sa.Uuid(), nullable=True),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.CheckConstraint("passed = (assessment_id is not null)", name=op.f("ck_abroad_transfer_passed")),
        sa.CheckConstraint("receiver in ('mail', 'chat', 'esign')", name=op.f("ck_abroad_transfer_receiver")),
        sa.ForeignKeyConstraint(
            ["assessment_id"],
            ["abroad_assessment.id"],
            name=op.f("fk_abroad_transfer_assessment_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_abroad_transfer_user_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_abroad_transfer")),
    )
    for column in ("assessment_id", "user_id"):
        op.create_index(op.f(f"ix_abroad_transfer_{column}"), "abroad_transfer", [column])
    op.create_index(
        "ix_abroad_transfer_year", "abroad_transfer", ["year", "user_id"], postgresql_where=sa.text("passed")
    )


def downgrade() -> None:
    """Turn the bytes back; refused as long as one of them is sealed, which SQL cannot open."""
    op.drop_table("abroad_transfer")
    op.drop_table("abroad_assessment")
    op.drop_column("channel", "place")
    for table, column, _, _ in COLUMNS:
        op.execute(NONE_SEALED.format(table=table, column=column))
    for table in GUARDED:
        op.execute(f"drop trigger kept_guard on {table}")
        op.execute(
            f"create trigger kept_guard before update or delete on {table} for each row execute function kept_guard()"
        )
    op.execute("drop function sealed_guard()")
    for table, column, kind, former in COLUMNS:
        op.execute(f"alter table {table} alter column {column} type {former} using {FROM_BYTES[kind].format(column)}")
    for table, name, rule in CHECKS:
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, rule)
