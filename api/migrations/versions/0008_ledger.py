"""One team or one lone bid a lot, capacity that no statement moves, digests in events, signed heads, envelopes.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

CREATED_AT = (sa.DateTime(timezone=True), sa.text("clock_timestamp()"))
FUNCTIONS = (
    "capacity_month_kept()", "bid_claim_of(uuid, uuid, uuid, uuid)", "membership_claim()", "lone_bid_claim()",
    "bid_claim_guard()", "membership_guard()",
)  # fmt: skip

CAPACITY_MONTH = """
create function capacity_month_kept() returns trigger language plpgsql as $$
begin
  if tg_op = 'TRUNCATE' then
    perform refuse('ck_capacity_month_kept', 'capacity that may be promised is not thrown away as a whole');
  elsif tg_op = 'DELETE' then
    if old.reserved > 0 then
      perform refuse('ck_capacity_month_kept', 'a month of which something is promised stays');
    end if;
    return old;
  elsif (new.id, new.capability_id, new.organisation_id, new.month)
    is distinct from (old.id, old.capability_id, old.organisation_id, old.month) then
    perform refuse('ck_capacity_month_fixed', 'whose month it is, and which, does not change');
  end if;
  return new;
end $$
"""

CLAIM = """
create function bid_claim_of(lot uuid, firm uuid, seat uuid, lone uuid) returns void language plpgsql as $$
declare
  standing uuid;
begin
  -- the primary key decides, and waits for whoever claims the same at this moment; what follows only names the reason
  insert into bid_claim (opportunity_id, organisation_id, membership_id, lone_bid_id) values (lot, firm, seat, lone)
  on conflict do nothing;
  if not found then
    select lone_bid_id into standing from bid_claim where opportunity_id = lot and organisation_id = firm;
    if standing is not null then
      perform refuse('ck_bid_claim_lone', 'the firm bids alone on this lot');
    else
      perform refuse('ck_bid_claim_seated', 'the firm sits in a consortium for this lot');
    end if;
  end if;
end $$
"""

MEMBERSHIP_CLAIM = """
create function membership_claim() returns trigger language plpgsql as $$
declare
  live constant text[] := array['accepted', 'signed', 'active'];
begin
  if new.state = any (live) and not (tg_op = 'UPDATE' and old.state = any (live)) then
    perform bid_claim_of(new.opportunity_id, new.organisation_id, new.id, null);
  elsif tg_op = 'UPDATE' and old.state = any (live) and not new.state = any (live) then
    delete from bid_claim where membership_id = new.id;
  end if;
  return null;
end $$
"""

LONE_BID_CLAIM = """
create function lone_bid_claim() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and (new.id, new.opportunity_id, new.organisation_id)
    is distinct from (old.id, old.opportunity_id, old.organisation_id) then
    perform refuse('ck_lone_bid_fixed', 'whose bid it is, and for which lot, does not change');
  end if;
  if new.state = 'filed' and not (tg_op = 'UPDATE' and old.state = 'filed') then
    perform bid_claim_of(new.opportunity_id, new.organisation_id, null, new.id);
  elsif tg_op = 'UPDATE' and old.state = 'filed' and new.state <> 'filed' then
    delete from bid_claim where lone_bid_id = new.id;
  end if;
  return null;
end $$
"""

BID_CLAIM = """
create function bid_claim_guard() returns trigger language plpgsql as $$
begin
  -- depth 2 is a change by the triggers of seats and lone bids, or a cascade; depth 1 is somebody's own statement
  if pg_trigger_depth() < 2 then
    perform refuse('ck_bid_claim_derived', 'claims follow from seats and lone bids');
  end if;
  return case tg_op when 'DELETE' then old else new end;
end $$
"""

MEMBERSHIP = """
create function membership_guard() returns trigger language plpgsql as $$
begin
  if (new.id, new.consortium_id, new.opportunity_id, new.organisation_id)
    is distinct from (old.id, old.consortium_id, old.opportunity_id, old.organisation_id) then
    perform refuse('ck_membership_fixed', 'whose seat it is, and in which consortium, does not change');
  end if;
  return new;
end $$
"""


def upgrade() -> None:
    """Create tables, columns and guards; seats that are live already claim their lots."""
    op.add_column("consortium", sa.Column("clauses", JSONB(), server_default=sa.text("'{}'"), nullable=False))
    op.alter_column("consortium", "clauses", server_default=None)
    for column in ("digest_before", "digest_after"):
        op.add_column("event", sa.Column(column, sa.LargeBinary(), nullable=True))
        op.create_check_constraint(op.f(f"ck_event_{column}"), "event", f"octet_length({column}) = 32")
    _one_bid_a_lot()
    _heads()
    _envelopes()
    for function in (CAPACITY_MONTH, CLAIM, MEMBERSHIP_CLAIM, LONE_BID_CLAIM, BID_CLAIM, MEMBERSHIP):
        op.execute(function)
    op.execute(
        "insert into bid_claim (opportunity_id, organisation_id, membership_id) select opportunity_id, organisation_id,"
        " id from membership where state in ('accepted', 'signed', 'active')"
    )
    for name, moment, table, function in (
        ("capacity_month_kept", "before update or delete", "capacity_month", "capacity_month_kept"),
        ("membership_claim", "after insert or update of state", "membership", "membership_claim"),
        ("membership_guard", "before update", "membership", "membership_guard"),
        ("lone_bid_claim", "after insert or update", "lone_bid", "lone_bid_claim"),
        ("bid_claim_guard", "before insert or update or delete", "bid_claim", "bid_claim_guard"),
        ("kept_guard", "before update or delete", "audit_head", "kept_guard"),
        ("kept_guard", "before update or delete", "webhook_receipt", "kept_guard"),
    ):
        op.execute(f"create trigger {name} {moment} on {table} for each row execute function {function}()")
    op.execute(
        "create trigger capacity_month_whole before truncate on capacity_month execute function capacity_month_kept()"
    )
    for table in ("bid_claim", "audit_head", "webhook_receipt"):
        op.execute(f"create trigger kept_whole before truncate on {table} execute function kept_guard()")


def _one_bid_a_lot() -> None:
    op.create_table(
        "lone_bid",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", CREATED_AT[0], server_default=CREATED_AT[1], nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("opportunity_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("filed_by", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.CheckConstraint("state in ('filed', 'withdrawn')", name=op.f("ck_lone_bid_lone_bid_state")),
        *_references("lone_bid", opportunity_id="opportunity", organisation_id="organisation",
                     filed_by="organisation", user_id="user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lone_bid")),
    )  # fmt: skip
    for column in ("opportunity_id", "organisation_id", "filed_by", "user_id"):
        op.create_index(op.f(f"ix_lone_bid_{column}"), "lone_bid", [column])
    op.create_table(
        "bid_claim",
        sa.Column("opportunity_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("membership_id", sa.Uuid(), nullable=True),
        sa.Column("lone_bid_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("num_nonnulls(membership_id, lone_bid_id) = 1", name=op.f("ck_bid_claim_one")),
        *_references("bid_claim", opportunity_id="opportunity", organisation_id="organisation"),
        *_references("bid_claim", "CASCADE", membership_id="membership", lone_bid_id="lone_bid"),
        sa.PrimaryKeyConstraint("opportunity_id", "organisation_id", name=op.f("pk_bid_claim")),
    )
    for column in ("organisation_id", "membership_id", "lone_bid_id"):
        op.create_index(op.f(f"ix_bid_claim_{column}"), "bid_claim", [column])


def _heads() -> None:
    op.create_table(
        "audit_head",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("octet_length(hash) = 32", name=op.f("ck_audit_head_hash")),
        sa.CheckConstraint("octet_length(key) = 32", name=op.f("ck_audit_head_key")),
        sa.CheckConstraint("octet_length(signature) = 64", name=op.f("ck_audit_head_signature")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_head")),
    )


def _envelopes() -> None:
    op.create_table(
        "envelope",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", CREATED_AT[0], server_default=CREATED_AT[1], nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("agreement_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=True),
        sa.Column("address", sa.String(length=2000), nullable=True),
        sa.Column("certificate", sa.String(length=500), nullable=True),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.CheckConstraint(
            "state in ('requested', 'sent', 'signed', 'failed')", name=op.f("ck_envelope_envelope_state")
        ),
        sa.CheckConstraint("state not in ('sent', 'signed') or reference is not null", name=op.f("ck_envelope_sent")),
        sa.ForeignKeyConstraint(
            ["agreement_id", "sha256"], ["agreement.id", "agreement.sha256"], name="fk_envelope_agreement"
        ),
        *_references("envelope", organisation_id="organisation", user_id="user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_envelope")),
        sa.UniqueConstraint("provider", "reference", name=op.f("uq_envelope_provider_reference")),
    )
    for column in ("agreement_id", "organisation_id", "user_id"):
        op.create_index(op.f(f"ix_envelope_{column}"), "envelope", [column])
    op.create_index(
        "uq_envelope_open", "envelope", ["agreement_id", "organisation_id"], unique=True,
        postgresql_where=sa.text("state <> 'failed'"),
    )  # fmt: skip
    op.create_table(
        "webhook_receipt",
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("message", sa.String(length=200), nullable=False),
        sa.Column("envelope_id", sa.Uuid(), nullable=False),
        sa.Column("received_at", CREATED_AT[0], server_default=CREATED_AT[1], nullable=False),
        *_references("webhook_receipt", envelope_id="envelope"),
        sa.PrimaryKeyConstraint("provider", "message", name=op.f("pk_webhook_receipt")),
    )
    op.create_index(op.f("ix_webhook_receipt_envelope_id"), "webhook_receipt", ["envelope_id"])


def _references(table: str, ondelete: str = "RESTRICT", /, **targets: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}"), ondelete=ondelete)
        for column, target in targets.items()
    ]


def downgrade() -> None:
    """Drop the guards with everything that calls them, then tables and columns, newest reference first."""
    for function in FUNCTIONS:
        op.execute(f"drop function {function} cascade")
    for table in ("webhook_receipt", "envelope", "audit_head", "bid_claim", "lone_bid"):
        op.drop_table(table)
    for column in ("digest_after", "digest_before"):
        op.drop_column("event", column)
    op.drop_column("consortium", "clauses")
