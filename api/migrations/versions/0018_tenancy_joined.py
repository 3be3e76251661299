"""The second line for what came after it: people and claims, ways of signing in, disclosure, statistics, cases.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

from api.migrations.rls import ME, PERSON, allow, protect, release, watch

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

SOMEBODY = "(select tenancy.verified())"
OWN = f"organisation_id = {ME}"
GATE = "lianzhou_gate"
TELLER = "lianzhou_teller"
WORK: tuple[tuple[str, str, str], ...] = (
    (
        GATE,
        "select, insert, update, delete",
        "entry_link claim pending_sign_in second_factor recovery_code recovery linked_identity throttle",
    ),
    (GATE, "select, insert, update, delete", "request_count"),
    (GATE, "select, insert", "event"),
    ("lianzhou_keeper", "select, update, delete", "request_count invitation_count"),
    (GATE, "insert, update", "organisation"),
    # shows of what a firm declares what its reader may read, and names an officer to the firm he reads about
    (
        TELLER,
        "select",
        "organisation capability certificate user_account field_disclosure membership consortium"
        " confidentiality_acceptance opportunity suggestion bureau_case",
    ),
    ("lianzhou_solver", "select", "field_disclosure statistic_release statistic_cell statistic_ground"),
    ("lianzhou_worker", "select, insert", "statistic_release statistic_cell statistic_ground"),
    ("lianzhou_worker", "select", "field_disclosure"),
    (
        "lianzhou_keeper",
        "select, update, delete",
        "second_factor recovery_code recovery linked_identity pending_sign_in entry_link",
    ),
    ("lianzhou_keeper", "select", "claim field_disclosure bureau_case"),
    ("lianzhou_keeper", "select, update", "statistic_ground"),
)
TABLES = (
    "entry_link", "claim", "pending_sign_in", "second_factor", "recovery_code", "recovery", "linked_identity",
    "throttle", "field_disclosure", "statistic_release", "statistic_cell", "statistic_ground", "bureau_case",
    "request_count", "invitation_count",
)  # fmt: skip
ROLE = """
do $$ begin
  if not exists (select from pg_roles where rolname = 'lianzhou_teller') then
    create role lianzhou_teller nologin noinherit nobypassrls;
  end if;
exception when duplicate_object or unique_violation then null;  -- another database of this cluster was first
end $$
"""
PLAYED = """
do $$ begin
  execute format('grant lianzhou_teller to %I', session_user);
  execute format('grant usage on schema tenancy, %I, queue to lianzhou_teller', current_schema());
  grant execute on all functions in schema tenancy to lianzhou_teller;
end $$
"""


def upgrade() -> None:
    """Protect the tables, and let the product's own roles at them."""
    op.execute(ROLE)
    op.execute(PLAYED)
    protect("entry_link", OWN)
    protect("claim", f"user_id = {PERSON}", rights="select")
    for table in ("pending_sign_in", "second_factor", "recovery_code", "linked_identity"):
        protect(table, f"user_id = {PERSON}")
    protect("recovery", "false", rights="select")
    protect("throttle", "false", rights="select")
    protect("field_disclosure", SOMEBODY, OWN)
    protect("statistic_release", SOMEBODY, rights="select")
    protect("statistic_cell", SOMEBODY, rights="select")
    protect("statistic_ground", "false", rights="select")
    protect("bureau_case", f"{OWN} or firm_id = {ME}", OWN, rights="select, insert, update")
    watch("claim")
    protect("request_count", "false", rights="select")
    protect("invitation_count", OWN, rights="select")
    op.execute("grant select on quota to public")  # a limit is told to whoever meets it
    op.execute(f"alter function invitation_quota() security definer set search_path = {_schema()}, pg_temp")
    for role, rights, tables in WORK:
        for table in tables.split():
            allow(table, role, rights)
    own = f"exists (select from capability c where c.id = capability_id and c.organisation_id = {ME})"
    allow("capability_price", TELLER, where=f"disclosure <> 'solver' or {own}")


def _roles() -> list[str]:
    found = op.get_bind().execute(sa.text("select rolname from pg_roles where rolname like 'lianzhou\\_%' order by 1"))
    return [row.rolname for row in found]


def _schema() -> str:
    return str(op.get_bind().execute(sa.text("select quote_ident(current_schema())")).scalar_one())


def downgrade() -> None:
    """Take the tables out of row-level security again, and the rights of the role that came with them."""
    for role, rights, tables in WORK:
        for table in tables.split():
            if table not in TABLES:
                for right in rights.split(", "):
                    op.execute(f"drop policy {role.removeprefix('lianzhou_')}_{right} on {table}")
                op.execute(f"revoke {rights} on {table} from {role}")
    op.execute("drop policy teller_select on capability_price")
    op.execute("revoke select on capability_price from lianzhou_teller")
    op.execute("revoke select on quota from public")
    op.execute("alter function invitation_quota() security invoker")
    op.execute("alter function invitation_quota() reset search_path")
    everybody = ", ".join(_roles())
    for table in TABLES:
        op.execute(f"revoke all on {table} from {everybody}")
        release(table)
    op.execute("drop owned by lianzhou_teller")
