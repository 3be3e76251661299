"""People: duties and their end, one-time links, claims of firms, scopes of tokens, whether an organisation is verified.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

DUTIES = ("admin", "negotiator", "signer", "viewer", "analyst", "officer", "operator")
SCOPES = ("read", "declare", "publish", "formation", "sign", "people", "connections", "account")
STANDINGS = ("unverified", "verified", "refused", "suspended", "merged")

CREDIT_CODE = """
create function credit_code_holds(code text) returns boolean language sql immutable strict parallel safe as $$
  select code ~ '^[0-9]{8}[0-9A-HJ-NPQRTUWXY]{10}$' and (
    select sum((strpos('0123456789ABCDEFGHJKLMNPQRTUWXY', substr(code, place, 1)) - 1)
               * (array[1,3,9,27,19,26,16,17,20,29,25,13,8,24,10,30,28,1])[place]) % 31 = 0
    from generate_series(1, 18) as place)
$$
"""
"""GB 32100-2015: weights are powers of three modulo 31; with the check character the sum is a multiple of 31."""

CLAIM = """
create function claim_guard() returns trigger language plpgsql as $$
begin
  if not credit_code_holds(new.credit_code) then
    perform refuse('ck_claim_credit_code', new.credit_code || ' is no unified social credit code');
  end if;
  return new;
end $$
"""

FORMER = """
update user_account set duties = case
  when organisation.roles && array['bureau'] then array['officer']
  when organisation.roles && array['operator'] then array['operator']
  else array['negotiator', 'signer'] end || case when user_account.admin then array['admin'] else '{}'::text[] end
from organisation where organisation.id = user_account.organisation_id
"""
"""Whoever could do everything until now can still; who looked after the organisation's connections does so."""

TOKENS = "update sign_in set scopes = array['read', 'declare', 'publish', 'formation'] where not browser"
"""A token that was made before it could be told so does not sign, and leaves people, connections and account alone."""


def upgrade() -> None:
    """Add what persons may do, and the ways in."""
    op.execute(CREDIT_CODE)
    none = sa.text("'{}'")
    op.add_column("user_account", sa.Column("duties", postgresql.ARRAY(sa.Text()), server_default=none, nullable=False))
    op.add_column("user_account", sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(FORMER)
    op.alter_column("user_account", "duties", server_default=None)
    op.drop_column("user_account", "admin")
    op.create_check_constraint(op.f("ck_user_account_duties"), "user_account", _within("duties", DUTIES))
    op.create_check_constraint(op.f("ck_user_account_removed"), "user_account", "removed_at is null or not active")
    _tokens()
    _standing()
    _links()
    _claims()


def _within(column: str, words: tuple[str, ...]) -> str:
    return f"{column} <@ array[{', '.join(map(repr, words))}]::text[]"


def _one_of(column: str, words: tuple[str, ...]) -> str:
    return f"{column} in ({', '.join(map(repr, words))})"


def _tokens() -> None:
    op.add_column("sign_in", sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=True))
    op.execute(TOKENS)
    op.create_check_constraint(op.f("ck_sign_in_scopes"), "sign_in", _within("scopes", SCOPES))
    op.create_check_constraint(op.f("ck_sign_in_browser"), "sign_in", "browser = (scopes is null)")


def _standing() -> None:
    op.add_column(
        "organisation", sa.Column("standing", sa.String(20), server_default=sa.text("'verified'"), nullable=False)
    )
    op.create_check_constraint(op.f("ck_organisation_standing"), "organisation", _one_of("standing", STANDINGS))
    op.drop_constraint(op.f("ck_organisation_identity"), "organisation")
    op.create_check_constraint(
        op.f("ck_organisation_identity"),
        "organisation",
        "not registered or credit_code is not null or lei is not null or standing <> 'verified'",
    )


def _links() -> None:
    op.create_table(
        "entry_link",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("invited_by", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(length=200), nullable=False),
        sa.Column("duties", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(_within("duties", DUTIES), name=op.f("ck_entry_link_duties")),
        sa.CheckConstraint("octet_length(secret_hash) = 32", name=op.f("ck_entry_link_secret_hash")),
        sa.CheckConstraint("used_at is null or revoked_at is null", name=op.f("ck_entry_link_one_end")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_entry_link_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["invited_by"], ["user_account.id"], name=op.f("fk_entry_link_invited_by"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entry_link")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_entry_link_secret_hash")),
    )
    op.create_index(op.f("ix_entry_link_organisation_id"), "entry_link", ["organisation_id"])
    op.create_index(op.f("ix_entry_link_invited_by"), "entry_link", ["invited_by"])
    op.create_index(
        "uq_entry_link_open",
        "entry_link",
        ["organisation_id", "email"],
        unique=True,
        postgresql_where=sa.text("used_at is null and revoked_at is null"),
    )


def _claims() -> None:
    op.create_table(
        "claim",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("credit_code", sa.String(length=18), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state in ('pending', 'verified', 'refused')", name=op.f("ck_claim_claim_state")),
        sa.CheckConstraint(
            "(state = 'pending') = (decided_at is null) and (state = 'pending' or (reason <> '' and evidence <> ''))",
            name=op.f("ck_claim_decision"),
        ),
        sa.CheckConstraint("decided_by is null or decided_by <> user_id", name=op.f("ck_claim_not_one_s_own")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_claim_user_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_claim_organisation_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["user_account.id"], name=op.f("fk_claim_decided_by"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim")),
    )
    op.execute(CLAIM)
    op.execute(
        "create trigger claim_guard before insert or update on claim for each row execute function claim_guard()"
    )
    for column in ("credit_code", "user_id", "organisation_id", "decided_by"):
        op.create_index(op.f(f"ix_claim_{column}"), "claim", [column])
    op.create_index(
        "uq_claim_pending", "claim", ["user_id"], unique=True, postgresql_where=sa.text("state = 'pending'")
    )


def downgrade() -> None:
    """Let every person do everything again; claims and links go, and so do organisations that were nobody yet."""
    op.drop_table("claim")
    op.execute("drop function claim_guard()")
    op.drop_table("entry_link")
    op.execute("delete from sign_in where user_id in (select u.id from user_account u join organisation o"
               " on o.id = u.organisation_id where o.standing <> 'verified')")  # fmt: skip
    op.drop_constraint(op.f("ck_organisation_identity"), "organisation")
    op.execute("update organisation set registered = false where credit_code is null and lei is null")
    op.create_check_constraint(
        op.f("ck_organisation_identity"),
        "organisation",
        "not registered or credit_code is not null or lei is not null",
    )
    op.drop_column("organisation", "standing")
    op.drop_column("sign_in", "scopes")
    op.add_column("user_account", sa.Column("admin", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.execute("update user_account set admin = 'admin' = any(duties)")
    op.alter_column("user_account", "admin", server_default=None)
    op.drop_column("user_account", "removed_at")
    op.drop_column("user_account", "duties")
    op.execute("drop function credit_code_holds(text)")
