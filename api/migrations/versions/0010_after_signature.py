"""What follows a signature: filings, bids, milestones, amendments with carried signatures, evaluations.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = (
    "filing",
    "bid",
    "milestone",
    "amendment",
    "amended_seat",
    "carried_signature",
    "evaluation",
    "evaluation_reply",
)
KEPT = ("amended_seat", "carried_signature", "evaluation", "evaluation_reply")


def upgrade() -> None:
    """Create the tables, and the guards of those that keep every row as it was written."""
    op.create_table(
        "filing",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("consortium_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.String(length=20), nullable=False),
        sa.Column("rule_since", sa.Date(), nullable=False),
        sa.Column("pack", sa.String(length=40), nullable=False),
        sa.Column("pack_version", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("receipt", sa.String(length=120), nullable=True),
        sa.Column("submitted_on", sa.Date(), nullable=True),
        sa.Column("attachment", sa.String(length=500), nullable=True),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.CheckConstraint(
            "state in ('open', 'submitted', 'returned', 'accepted', 'not_needed')", name=op.f("ck_filing_filing_state")
        ),
        sa.CheckConstraint("state not in ('returned', 'not_needed') or note <> ''", name=op.f("ck_filing_note")),
        sa.CheckConstraint(
            "state not in ('submitted', 'returned', 'accepted') or (receipt is not null and submitted_on is not null)",
            name=op.f("ck_filing_receipt"),
        ),
        sa.ForeignKeyConstraint(
            ["consortium_id"], ["consortium.id"], name=op.f("fk_filing_consortium_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_filing_organisation_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_filing")),
        sa.UniqueConstraint(
            "consortium_id", "organisation_id", "rule_id", "rule_since", "subject", name="uq_filing_once"
        ),
    )
    op.create_index(op.f("ix_filing_consortium_id"), "filing", ["consortium_id"])
    op.create_index(op.f("ix_filing_organisation_id"), "filing", ["organisation_id"])
    op.create_table(
        "bid",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("consortium_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("submitted_on", sa.Date(), nullable=False),
        sa.Column("reference", sa.String(length=120), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(20), nullable=True),
        sa.Column("winner", sa.String(length=200), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "reason in ('price', 'technical', 'qualification', 'formal', 'cancelled', 'other')",
            name=op.f("ck_bid_loss_reason"),
        ),
        sa.CheckConstraint("decided_on >= submitted_on", name=op.f("ck_bid_decided")),
        sa.CheckConstraint("reason is null or decided_on is not null", name=op.f("ck_bid_reason")),
        sa.ForeignKeyConstraint(
            ["consortium_id"], ["consortium.id"], name=op.f("fk_bid_consortium_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_bid_organisation_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bid")),
        sa.UniqueConstraint("consortium_id", name=op.f("uq_bid_consortium_id")),
    )
    op.create_index(op.f("ix_bid_organisation_id"), "bid", ["organisation_id"])
    op.create_table(
        "milestone",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("consortium_id", sa.Uuid(), nullable=False),
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("planned", sa.Date(), nullable=False),
        sa.Column("forecast", sa.Date(), nullable=True),
        sa.Column("actual", sa.Date(), nullable=True),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind in ('started', 'halfway', 'inspected', 'shipped', 'delivered', 'handed_over')",
            name=op.f("ck_milestone_milestone_kind"),
        ),
        sa.CheckConstraint("(done = 100) = (actual is not null)", name=op.f("ck_milestone_reached")),
        sa.CheckConstraint("actual is null or forecast is null", name=op.f("ck_milestone_one_end")),
        sa.CheckConstraint("done between 0 and 100", name=op.f("ck_milestone_done")),
        sa.ForeignKeyConstraint(
            ["consortium_id"], ["consortium.id"], name=op.f("fk_milestone_consortium_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_milestone_organisation_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["package_id"], ["work_package.id"], name=op.f("fk_milestone_package_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_milestone")),
        sa.UniqueConstraint("consortium_id", "package_id", "organisation_id", "kind", name="uq_milestone_once"),
    )
    op.create_index(op.f("ix_milestone_consortium_id"), "milestone", ["consortium_id"])
    op.create_index(op.f("ix_milestone_organisation_id"), "milestone", ["organisation_id"])
    op.create_index(op.f("ix_milestone_package_id"), "milestone", ["package_id"])
    op.create_table(
        "amendment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("consortium_id", sa.Uuid(), nullable=False),
        sa.Column("former_id", sa.Uuid(), nullable=False),
        sa.Column("agreement_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("deadline", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.CheckConstraint(
            "state in ('open', 'in_force', 'refused', 'expired', 'withdrawn')",
            name=op.f("ck_amendment_amendment_state"),
        ),
        sa.CheckConstraint("(state = 'open') = (decided_at is null)", name=op.f("ck_amendment_decided")),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_amendment_reason")),
        sa.ForeignKeyConstraint(
            ["agreement_id"], ["agreement.id"], name=op.f("fk_amendment_agreement_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["consortium_id"], ["consortium.id"], name=op.f("fk_amendment_consortium_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["former_id"], ["agreement.id"], name=op.f("fk_amendment_former_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_amendment_organisation_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_amendment")),
        sa.UniqueConstraint("agreement_id", name=op.f("uq_amendment_agreement_id")),
    )
    op.create_index(op.f("ix_amendment_consortium_id"), "amendment", ["consortium_id"])
    op.create_index(op.f("ix_amendment_former_id"), "amendment", ["former_id"])
    op.create_index(op.f("ix_amendment_organisation_id"), "amendment", ["organisation_id"])
    op.create_index(
        "uq_amendment_open", "amendment", ["consortium_id"], unique=True, postgresql_where=sa.text("state = 'open'")
    )
    op.create_table(
        "amended_seat",
        sa.Column("amendment_id", sa.Uuid(), nullable=False),
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=True),
        sa.Column("lead", sa.Boolean(), nullable=False),
        sa.Column("joins", sa.Boolean(), nullable=False),
        sa.Column("leaves", sa.Boolean(), nullable=False),
        sa.Column("signs", sa.Boolean(), nullable=False),
        sa.CheckConstraint("leaves = (edition is null)", name=op.f("ck_amended_seat_leaves")),
        sa.ForeignKeyConstraint(
            ["amendment_id"], ["amendment.id"], name=op.f("fk_amended_seat_amendment_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["membership_id"], ["membership.id"], name=op.f("fk_amended_seat_membership_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("amendment_id", "membership_id", name=op.f("pk_amended_seat")),
    )
    op.create_index(op.f("ix_amended_seat_membership_id"), "amended_seat", ["membership_id"])
    op.create_unique_constraint(
        op.f("uq_signature_id_organisation_id_sha256"), "signature", ["id", "organisation_id", "sha256"]
    )
    op.create_table(
        "carried_signature",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("agreement_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("signature_id", sa.Uuid(), nullable=False),
        sa.Column("signed_sha256", sa.String(length=64), nullable=False),
        sa.Column("part_sha256", sa.String(length=64), nullable=False),
        sa.CheckConstraint("part_sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_carried_signature_part_sha256")),
        sa.ForeignKeyConstraint(
            ["agreement_id", "sha256"], ["agreement.id", "agreement.sha256"], name="fk_carried_signature_agreement"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_carried_signature_organisation_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["signature_id", "organisation_id", "signed_sha256"],
            ["signature.id", "signature.organisation_id", "signature.sha256"],
            name="fk_carried_signature_signature",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_carried_signature")),
        sa.UniqueConstraint(
            "agreement_id", "organisation_id", name=op.f("uq_carried_signature_agreement_id_organisation_id")
        ),
    )
    op.create_index(op.f("ix_carried_signature_agreement_id"), "carried_signature", ["agreement_id"])
    op.create_index(op.f("ix_carried_signature_organisation_id"), "carried_signature", ["organisation_id"])
    op.create_index(op.f("ix_carried_signature_signature_id"), "carried_signature", ["signature_id"])
    op.create_table(
        "evaluation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("consortium_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("about_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("timeliness", sa.Integer(), nullable=False),
        sa.Column("quality", sa.Integer(), nullable=False),
        sa.Column("cooperation", sa.Integer(), nullable=False),
        sa.Column("clarity", sa.Integer(), nullable=False),
        sa.Column("fairness", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint("clarity between 1 and 5", name=op.f("ck_evaluation_clarity")),
        sa.CheckConstraint("cooperation between 1 and 5", name=op.f("ck_evaluation_cooperation")),
        sa.CheckConstraint("fairness between 1 and 5", name=op.f("ck_evaluation_fairness")),
        sa.CheckConstraint("organisation_id <> about_id", name=op.f("ck_evaluation_two_firms")),
        sa.CheckConstraint("quality between 1 and 5", name=op.f("ck_evaluation_quality")),
        sa.CheckConstraint("timeliness between 1 and 5", name=op.f("ck_evaluation_timeliness")),
        sa.ForeignKeyConstraint(
            ["about_id"], ["organisation.id"], name=op.f("fk_evaluation_about_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["consortium_id"], ["consortium.id"], name=op.f("fk_evaluation_consortium_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_evaluation_organisation_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_evaluation_user_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation")),
        sa.UniqueConstraint("consortium_id", "organisation_id", "about_id", name="uq_evaluation_once"),
    )
    op.create_index(op.f("ix_evaluation_about_id"), "evaluation", ["about_id"])
    op.create_index(op.f("ix_evaluation_consortium_id"), "evaluation", ["consortium_id"])
    op.create_index(op.f("ix_evaluation_organisation_id"), "evaluation", ["organisation_id"])
    op.create_index(op.f("ix_evaluation_user_id"), "evaluation", ["user_id"])
    op.create_table(
        "evaluation_reply",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("evaluation_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint("text <> ''", name=op.f("ck_evaluation_reply_text")),
        sa.ForeignKeyConstraint(
            ["evaluation_id"], ["evaluation.id"], name=op.f("fk_evaluation_reply_evaluation_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_evaluation_reply_user_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation_reply")),
        sa.UniqueConstraint("evaluation_id", name=op.f("uq_evaluation_reply_evaluation_id")),
    )
    op.create_index(op.f("ix_evaluation_reply_user_id"), "evaluation_reply", ["user_id"])
    for table in KEPT:
        op.execute(
            f"create trigger kept_guard before update or delete on {table} for each row execute function kept_guard()"
        )
        op.execute(f"create trigger kept_whole before truncate on {table} execute function kept_guard()")


def downgrade() -> None:
    """Drop the tables with their guards, and what one of them referred to."""
    for table in reversed(TABLES):
        op.drop_table(table)
    op.drop_constraint(op.f("uq_signature_id_organisation_id_sha256"), "signature")
