"""What is negotiated: dates, payment and wording; confidentiality, delegation, reminders, later deadlines, zones.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLE = "confidentiality_acceptance"
RENAMED = {"schedule": "timing", "liability": "terms", "country": "risk"}

INVITATION = """
create or replace function invitation_guard() returns trigger language plpgsql as $$
declare
  at constant timestamptz := clock_timestamp();  -- not now(), which stands still while the row lock is waited for
  answers constant text[] := array['accepted', 'countered', 'declined'];
begin
  if (new.membership_id, new.edition, new.sent_at) is distinct from (old.membership_id, old.edition, old.sent_at) then
    perform refuse('ck_invitation_fixed', 'what was asked does not change');
  end if;
  if new.deadline <> old.deadline
    and (new.deadline < old.deadline or at >= old.deadline or old.state not in ('sent', 'accepted', 'countered')) then
    perform refuse('ck_invitation_fixed', 'a deadline only moves on, while it has not passed');
  end if;
  if new.state <> old.state and new.state = any (answers) and at >= old.deadline then
    perform refuse('ck_invitation_open', 'the deadline has passed');
  end if;
  if new.state = 'expired' and old.state <> 'expired' and at < old.deadline then
    perform refuse('ck_invitation_passed', 'the deadline has not passed');
  end if;
  if new.reminded < old.reminded and new.deadline = old.deadline then
    perform refuse('ck_invitation_fixed', 'a reminder that was given stays given');
  end if;
  return new;
end $$
"""

FORMER_INVITATION = """
create or replace function invitation_guard() returns trigger language plpgsql as $$
declare
  at constant timestamptz := clock_timestamp();  -- not now(), which stands still while the row lock is waited for
begin
  if (new.membership_id, new.edition, new.sent_at, new.deadline)
    is distinct from (old.membership_id, old.edition, old.sent_at, old.deadline) then
    perform refuse('ck_invitation_fixed', 'what was asked, and until when, does not change');
  end if;
  if old.state = 'sent' and new.state in ('accepted', 'countered', 'declined') and at >= old.deadline then
    perform refuse('ck_invitation_open', 'the deadline has passed');
  end if;
  if new.state = 'expired' and old.state <> 'expired' and at < old.deadline then
    perform refuse('ck_invitation_passed', 'the deadline has not passed');
  end if;
  return new;
end $$
"""


def upgrade() -> None:
    """Add what is negotiated, and let a deadline move on."""
    _confidentiality()
    _column("terms", sa.Column("payment", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False))
    _column("terms", sa.Column("clauses", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False))
    for name, kind in (("starts", sa.Date()), ("ends", sa.Date()), ("lead_days", sa.Integer())):
        op.add_column("terms_line", sa.Column(name, kind, nullable=True))
    op.create_check_constraint(op.f("ck_terms_line_period"), "terms_line", "ends >= starts")
    op.create_check_constraint(op.f("ck_terms_line_lead_days"), "terms_line", "lead_days >= 0")
    _column("invitation", sa.Column("reminded", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.create_check_constraint(op.f("ck_invitation_reminded"), "invitation", "reminded between 0 and 2")
    op.add_column("membership", sa.Column("delegate_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_membership_delegate_id"), "membership", "user_account", ["delegate_id"], ["id"], ondelete="RESTRICT"
    )
    op.create_index(op.f("ix_membership_delegate_id"), "membership", ["delegate_id"])
    op.add_column("opportunity", sa.Column("zone", sa.String(length=40), nullable=True))
    _column("user_account", sa.Column("admin", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.execute(
        "update user_account set admin = true where id in"
        " (select distinct on (organisation_id) id from user_account where active"
        " order by organisation_id, created_at, id)"
    )
    _rename(RENAMED)
    op.execute(INVITATION)


def _rename(reasons: dict[str, str]) -> None:
    """Call reasons for which somebody declined by another name."""
    reason = sa.column("reason", sa.String())
    invitation = sa.table("invitation", reason)
    for former, now in reasons.items():
        op.execute(sa.update(invitation).where(reason == former).values(reason=now))


def _column(table: str, column: sa.Column[object]) -> None:
    """Add a column that is filled for the rows that are there, and has no default of its own afterwards."""
    op.add_column(table, column)
    op.alter_column(table, column.name, server_default=None)


def _confidentiality() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Integer(), nullable=False),
        sa.CheckConstraint("text > 0", name=op.f("ck_confidentiality_acceptance_text")),
        sa.ForeignKeyConstraint(
            ["membership_id"],
            ["membership.id"],
            name=op.f("fk_confidentiality_acceptance_membership_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_confidentiality_acceptance_organisation_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_confidentiality_acceptance_user_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_confidentiality_acceptance")),
        sa.UniqueConstraint("membership_id", name=op.f("uq_confidentiality_acceptance_membership_id")),
    )
    for column in ("organisation_id", "user_id"):
        op.create_index(op.f(f"ix_confidentiality_acceptance_{column}"), TABLE, [column])
    op.execute(
        f"create trigger kept_guard before update or delete on {TABLE} for each row execute function kept_guard()"
    )
    op.execute(f"create trigger kept_whole before truncate on {TABLE} execute function kept_guard()")


def downgrade() -> None:
    """Take it back; reasons are called what they were called before."""
    op.execute(FORMER_INVITATION)
    _rename({now: former for former, now in RENAMED.items()})
    op.drop_column("user_account", "admin")
    op.drop_column("opportunity", "zone")
    op.drop_column("membership", "delegate_id")
    op.drop_column("invitation", "reminded")
    for name in ("lead_days", "ends", "starts"):
        op.drop_column("terms_line", name)
    for name in ("clauses", "payment"):
        op.drop_column("terms", name)
    op.drop_table(TABLE)
