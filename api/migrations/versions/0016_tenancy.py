"""The second line: roles without BYPASSRLS, and policies that say which rows there are for whom.

They mirror ``api/queries/visible.py``, table by table. Roles belong to the whole cluster, so the way down leaves them
and takes back their rights in this database.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

from api.migrations.rls import FIRMS, ME, PEOPLE, PERSON, allow, protect, release, watch

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

ROLES = (
    "lianzhou_app", "lianzhou_bureau", "lianzhou_gate", "lianzhou_directory", "lianzhou_solver", "lianzhou_formation",
    "lianzhou_notary", "lianzhou_importer", "lianzhou_worker", "lianzhou_relay", "lianzhou_sealer", "lianzhou_keeper",
)  # fmt: skip
CATALOGUE = ("narrower_product", "phrase_vector")
"""Words of a language, without an owner: everybody reads them, whoever declares or imports adds to them."""
DEFINER = (
    "event_place()",
    "capacity_hold_guard()", "bid_claim_of(uuid, uuid, uuid, uuid)", "membership_claim()", "lone_bid_claim()",
)  # fmt: skip
"""Triggers that keep totals and claims of other firms right: under the writer's own role they would find no row."""

ROLE = """
do $$ begin
  if not exists (select from pg_roles where rolname = '{role}') then
    create role {role} nologin noinherit nobypassrls;
  end if;
exception when duplicate_object or unique_violation then null;  -- another database of this cluster was first
end $$
"""
MEMBER = """
do $$ begin
  if not pg_has_role(session_user, '{role}', 'member') or not {may_set} then
    execute format('grant {role} to %I', session_user);
  end if;
end $$
"""

IDENTITY = """
create function tenancy.{name}() returns uuid language sql stable parallel safe
as $$ select nullif(current_setting('lianzhou.{name}', true), '')::uuid $$
"""
"""A setting that ended with its transaction reads as the empty text afterwards, not as null."""

LIST = """
create function tenancy.{name}() returns uuid[] language sql stable security definer
set search_path = {schema}, pg_temp as $$ select coalesce(array_agg(found.id), '{{}}') from ({query}) found $$
"""
LISTS = {
    # consortia that one's firm publishes for
    "led": "select id from consortium where organisation_id = tenancy.organisation()",
    # consortia and lots in which it was asked, whatever came of it
    "seats": "select distinct consortium_id as id from membership"
    " where organisation_id = tenancy.organisation() and state <> 'proposed'",
    "lots": "select distinct opportunity_id as id from membership"
    " where organisation_id = tenancy.organisation() and state <> 'proposed'",
    # consortia whose terms it has accepted
    "settled": "select distinct consortium_id as id from membership"
    " where organisation_id = tenancy.organisation() and state in ('accepted', 'signed', 'active')",
    # consortia it acts for: as publisher, or as the member that leads and has signed
    "leading": "select id from consortium where organisation_id = tenancy.organisation()"
    " union select consortium_id from membership"
    " where organisation_id = tenancy.organisation() and lead and state in ('signed', 'active')",
    # consortia whose signed members it may know: its own, and those it has signed and promised to keep
    "opened": "select id from consortium where organisation_id = tenancy.organisation()"
    " union select m.consortium_id from membership m join confidentiality_acceptance c on c.membership_id = m.id"
    " where m.organisation_id = tenancy.organisation() and m.state in ('signed', 'active')",
    # consortia it leads or has signed for
    "together": "select id from consortium where organisation_id = tenancy.organisation()"
    " union select consortium_id from membership"
    " where organisation_id = tenancy.organisation() and state in ('signed', 'active')",
    # seats of others that have accepted or promised, where it has promised itself: names open to each other
    "companions": "select m.id from membership m"
    " join membership own on own.consortium_id = m.consortium_id and own.organisation_id = tenancy.organisation()"
    " and own.state in ('invited', 'countered', 'accepted', 'signed', 'active')"
    " join confidentiality_acceptance kept on kept.membership_id = own.id"
    " where m.state in ('accepted', 'signed', 'active') or (m.state in ('invited', 'countered')"
    " and exists (select from confidentiality_acceptance c where c.membership_id = m.id))",
    # amendments in which its seat has a part, and the editions they are about
    "amended": "select distinct s.amendment_id as id from amended_seat s join membership m on m.id = s.membership_id"
    " where m.organisation_id = tenancy.organisation()",
    "editions": "select a.agreement_id as id from amendment a join amended_seat s on s.amendment_id = a.id"
    " join membership m on m.id = s.membership_id where m.organisation_id = tenancy.organisation()"
    " union select a.former_id from amendment a join amended_seat s on s.amendment_id = a.id"
    " join membership m on m.id = s.membership_id where m.organisation_id = tenancy.organisation()",
}
PLAYS = """
create function tenancy.plays(wanted text[]) returns boolean language sql stable security definer
set search_path = {schema}, pg_temp as $$
  select coalesce((select roles && wanted from organisation where id = tenancy.organisation()), false)
$$
"""
VERIFIED = """
create function tenancy.verified() returns boolean language sql stable security definer
set search_path = {schema}, pg_temp as $$
  select coalesce((select standing = 'verified' from organisation where id = tenancy.organisation()), false)
$$
"""
"""A firm that nobody has verified yet, or that is suspended, is nobody to others."""
NEWEST = """
create function tenancy.newest_event(out xid bigint, out id bigint) language sql stable security definer
set search_path = {schema}, pg_temp as $$
  select e.xid, e.id from event e where e.xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
  order by e.xid desc, e.id desc limit 1
$$
"""
"""Where the newest event stands, and nothing else of it: a reader who comes now need not search for it in his own."""

ABLE = """
create function tenancy.able(said text) returns setof uuid language sql stable security definer
set search_path = {schema}, pg_temp as $$ select organisation_id from capability where phrase ilike said $$
"""
"""Which firms declare something in these words; how much of it they can do is not asked."""

PARTNER = "(select tenancy.plays('{supplier,service_provider}'))"
OPERATOR = "(select tenancy.plays('{operator}'))"
TRADING = "(select not tenancy.plays('{bureau,operator}'))"
"""Whoever oversees looks through the door of formation and changes nothing behind it."""
OWN = f"organisation_id = {ME}"
SOMEBODY = "(select tenancy.verified())"


def upgrade() -> None:
    """Create roles, functions and policies."""
    schema = op.get_bind().execute(sa.text("select quote_ident(current_schema())")).scalar_one()
    _roles(schema)
    _functions(schema)
    _firms()
    _people()
    _projects()
    _seats()
    _after_signature()
    _told()
    _own_work()


def _among(column: str, name: str) -> str:
    return f"{column} = any ((select tenancy.{name}())::uuid[])"


def _beneath(table: str, condition: str) -> str:
    """Describe the rows of a part by the row it is a part of, as far as that row is seen."""
    return f"exists (select from {table} where {condition})"


def _roles(schema: str) -> None:
    version = op.get_bind().execute(sa.text("select current_setting('server_version_num')::int")).scalar_one()
    for role in ROLES:
        op.execute(ROLE.format(role=role))
        may_set = f"pg_has_role(session_user, '{role}', 'set')" if version >= 160000 else "true"
        op.execute(MEMBER.format(role=role, may_set=may_set))
    op.execute("create schema tenancy")
    everybody = ", ".join(ROLES)
    op.execute(f"grant usage on schema tenancy, {schema}, queue to {everybody}")


def _functions(schema: str) -> None:
    for name in ("organisation", "person"):
        op.execute(IDENTITY.format(name=name))
    for name, query in LISTS.items():
        op.execute(LIST.format(name=name, query=query, schema=schema))
    op.execute(PLAYS.format(schema=schema))
    op.execute(VERIFIED.format(schema=schema))
    op.execute(NEWEST.format(schema=schema))
    op.execute(ABLE.format(schema=schema))
    for function in DEFINER:
        op.execute(f"alter function {function} security definer set search_path = {schema}, pg_temp")
    everybody = ", ".join(ROLES)
    op.execute("revoke all on all functions in schema tenancy from public")
    op.execute(f"grant execute on all functions in schema tenancy to {everybody}")
    op.execute("revoke all on function bid_claim_of(uuid, uuid, uuid, uuid) from public")


def _firms() -> None:
    known = f"registered and standing in ('verified', 'suspended') and {SOMEBODY}"
    protect("organisation", f"{known} or id = {ME}", f"id = {ME}", rights="select, update")
    watch("organisation")
    protect("organisation_alias", SOMEBODY, rights="select")
    protect("capability", OWN)
    said = "id, created_at, version, organisation_id, phrase, phrase_en, code_system, code, unit, lead_days, countries"
    rest = "verification, valid_from, valid_to, capacity_disclosure, state, batch_id"
    allow("capability", "lianzhou_directory", columns=f"({said}, {rest})")
    priced = _beneath("capability c", f"c.id = capability_id and c.organisation_id = {ME}")
    protect("capability_price", priced, to=FIRMS, rests=False)
    protect("capacity_month", OWN)
    protect("certificate", OWN)
    ends = (_beneath("organisation o", f"o.id = {end}") for end in ("supplier_id", "buyer_id"))
    protect("supply_link", " and ".join(ends), rights="select")
    for table in CATALOGUE:
        op.execute(f"grant select, insert, update on {table} to {', '.join((*PEOPLE, 'lianzhou_worker'))}")
        op.execute(f"grant select, insert, update, delete on {table} to lianzhou_importer")
        op.execute(f"grant select on {table} to lianzhou_solver")


def _people() -> None:
    protect("user_account", OWN)
    protect("sign_in", f"user_id = {PERSON}")
    protect("sign_in_throttle", "false", rights="select")
    protect("calendar_feed", f"user_id = {PERSON}")
    protect("idempotency_key", OWN)
    for table in ("user_account", "sign_in", "sign_in_throttle", "calendar_feed"):
        allow(table, "lianzhou_gate", "select, insert, update, delete")
    allow("organisation", "lianzhou_gate")


def _projects() -> None:
    live = "state in ('published', 'closed')"
    protect(
        "opportunity",
        f"{OWN} or {_among('id', 'lots')} or {live} and (visibility = 'public' and {SOMEBODY}"
        f" or visibility = 'verified' and {PARTNER})",
        OWN,
    )
    watch("opportunity", "state <> 'draft'", lock=True, change="state <> 'draft'")
    protect(
        "work_package",
        _beneath("opportunity o", "o.id = opportunity_id"),
        _beneath("opportunity o", f"o.id = opportunity_id and o.organisation_id = {ME}"),
    )
    protect(
        "requirement",
        _beneath("work_package p", "p.id = package_id"),
        _beneath(
            "work_package p join opportunity o on o.id = p.opportunity_id",
            f"p.id = package_id and o.organisation_id = {ME}",
        ),
    )
    owned = _beneath("opportunity o", f"o.id = opportunity_id and o.organisation_id = {ME}")
    protect("suggestion", owned, rights="select, update")
    watch("suggestion", lock=True)
    protect("job", OWN, rights="select, insert, update")
    watch("job", f"{OPERATOR} and kind <> 'counter-check'", lock=True, change=OPERATOR)
    protect("answer", OWN, rights="select")
    protect("import_batch", OWN, rights="select, insert, update")
    watch("import_batch", OPERATOR, lock=True, change=OPERATOR)
    protect("lone_bid", f"{OWN} or filed_by = {ME}", rights="select, insert, update")
    watch("lone_bid", lock=True)
    protect("bid_claim", OWN, rights="select")


def _seats() -> None:
    protect("consortium", f"{OWN} or {_among('id', 'seats')}", rights="select, insert, update")
    watch("consortium", lock=True)
    party = f"{OWN} or {_among('consortium_id', 'led')}"
    protect(
        "membership",
        f"{OWN} and state <> 'proposed' or {_among('consortium_id', 'led')} or {_among('id', 'companions')}",
        party,
        rights="select, insert, update",
    )
    watch("membership", lock=True)
    between = f"m.organisation_id = {ME} or {_among('m.consortium_id', 'led')}"
    protect(
        "confidentiality_acceptance", _beneath("membership m", "m.id = membership_id"), OWN, rights="select, insert"
    )
    protect(
        "terms",
        # what a companion has countered with is between it and the leader
        _beneath("membership m", f"m.id = membership_id and ({between} or edition <= m.edition)"),
        _beneath("membership m", f"m.id = membership_id and ({between})"),
        rights="select, insert",
    )
    protect("terms_line", _beneath("terms t", "t.id = terms_id"), to=FIRMS, rights="select, insert")
    watch(
        "terms_line",
        columns="(terms_id, package_id, capability_id, units, share, currency, starts, ends, lead_days)",
    )
    protect(
        "invitation",
        _beneath(
            "membership m",
            f"m.id = membership_id and ({between}"
            " or edition = m.edition and m.state in ('accepted', 'signed', 'active'))",
        ),
        _beneath("membership m", f"m.id = membership_id and ({between})"),
        rights="select, insert, update",
    )
    for table in ("confidentiality_acceptance", "terms", "invitation"):
        watch(table, lock=table == "invitation")
    protect("capacity_hold", _beneath("capacity_month c", "c.id = capacity_month_id"), rights="select")
    protect(
        "agreement",
        f"{_among('consortium_id', 'led')} or {_among('consortium_id', 'settled')} or {_among('id', 'editions')}",
        _among("consortium_id", "led"),
        to=FIRMS,
        rights="select, insert",
    )
    watch("agreement", columns="(id, created_at, consortium_id, edition, sha256)")
    protect("signature", _beneath("agreement a", "a.id = agreement_id"), OWN, rights="select, insert")
    protect(
        "envelope", f"{OWN} or {_beneath('agreement a', 'a.id = agreement_id')}", OWN, rights="select, insert, update"
    )
    protect("webhook_receipt", "false", rights="select")
    protect("compliance_acknowledgement", f"{OWN} or {_among('consortium_id', 'led')}", OWN, rights="select, insert")
    watch("compliance_acknowledgement")


def _after_signature() -> None:
    acting = f"{OWN} or {_among('consortium_id', 'leading')}"
    protect(
        "filing",
        f"{OWN} or {_among('consortium_id', 'leading')} and {_among('consortium_id', 'opened')}",
        acting,
        rights="select, insert, update",
    )
    protect(
        "bid",
        _among("consortium_id", "together"),
        _among("consortium_id", "leading"),
        rights="select, insert, update",
    )
    protect("milestone", f"{OWN} or {_among('consortium_id', 'opened')}", acting, rights="select, insert, update")
    for table in ("filing", "bid", "milestone"):
        watch(table, lock=True)
    protect(
        "amendment",
        f"{_among('consortium_id', 'led')} or {_among('id', 'amended')}",
        _among("consortium_id", "led"),
        rights="select, insert, update",
    )
    protect(
        "amended_seat",
        _beneath("amendment a", "a.id = amendment_id"),
        _beneath("amendment a", f"a.id = amendment_id and {_among('a.consortium_id', 'led')}"),
        rights="select, insert",
    )
    protect("carried_signature", _beneath("agreement a", "a.id = agreement_id"), rights="select")
    protect("evaluation", f"{OWN} or about_id = {ME}", OWN, rights="select, insert")
    protect(
        "evaluation_reply",
        _beneath("evaluation e", "e.id = evaluation_id"),
        _beneath("evaluation e", f"e.id = evaluation_id and e.about_id = {ME}"),
        rights="select, insert",
    )


def _told() -> None:
    private = f"(split_part(code, '.', 1) not in ('calendar', 'channel') or user_id = {PERSON})"
    protect("event", f"({OWN} or {ME} = any (audience)) and {private}", OWN, rights="select, insert")
    watch("event", f"split_part(code, '.', 1) <> 'endpoint' and {private}")
    protect("audit_seal", "false", rights="select")
    protect("audit_head", "false", rights="select")
    watch("audit_head")
    protect("channel", f"user_id = {PERSON}")
    protect("letter", _beneath("channel c", "c.id = channel_id"))
    protect("notice", _beneath("channel c", "c.id = channel_id"), rights="select, update, delete")
    protect("endpoint", OWN)
    protect("delivery", _beneath("endpoint e", "e.id = endpoint_id"))
    protect("attempt", _beneath("delivery d", "d.id = delivery_id"))
    protect("relay", "false", rights="select")
    protect("abroad_assessment", OPERATOR, rights="select, insert")
    protect("abroad_transfer", "false", rights="select")
    for table in ("abroad_assessment", "abroad_transfer"):
        watch(table)


WORK: tuple[tuple[str, str, str], ...] = (
    (
        "lianzhou_solver",
        "select",
        "organisation capability capability_price capacity_month capacity_hold certificate supply_link opportunity"
        " work_package requirement membership consortium terms terms_line confidentiality_acceptance invitation"
        " agreement signature amendment event suggestion job answer user_account compliance_acknowledgement",
    ),
    *(
        (role, rights, tables)
        for role in ("lianzhou_formation", "lianzhou_worker")
        for rights, tables in (
            (
                "select",
                "organisation opportunity work_package requirement user_account certificate lone_bid bid suggestion"
                " evaluation evaluation_reply",
            ),
            (
                "select, insert",
                "terms terms_line agreement signature event compliance_acknowledgement confidentiality_acceptance"
                " amended_seat carried_signature webhook_receipt",
            ),
            # a capability is locked, so that nobody changes it while it is promised
            (
                "select, insert, update",
                "consortium membership invitation capacity_month capacity_hold filing amendment envelope job",
            ),
            ("select, update", "capability"),
            ("select, insert, update, delete", "milestone"),
        )
    ),
    ("lianzhou_worker", "insert", "suggestion answer organisation"),
    ("lianzhou_worker", "select", "answer"),
    ("lianzhou_worker", "select, insert, update", "import_batch"),
    ("lianzhou_notary", "select", "consortium amendment signature event"),
    (
        "lianzhou_importer",
        "select, insert, update, delete",
        "organisation organisation_alias capability supply_link opportunity work_package requirement import_batch",
    ),
    ("lianzhou_importer", "select, insert", "event job"),
    ("lianzhou_relay", "select", "organisation user_account"),
    ("lianzhou_relay", "select, insert, update", "channel endpoint letter notice delivery attempt relay"),
    ("lianzhou_relay", "select, insert", "event"),
    ("lianzhou_relay", "select", "abroad_assessment"),
    ("lianzhou_relay", "select, insert", "abroad_transfer"),
    ("lianzhou_sealer", "select", "event"),
    ("lianzhou_sealer", "select, insert", "audit_seal audit_head"),
    # ends what has been kept for its term, seals anew, and tells or erases what is held about one person
    (
        "lianzhou_keeper",
        "select, update, delete",
        "idempotency_key notice letter delivery attempt sign_in sign_in_throttle job abroad_transfer user_account"
        " channel calendar_feed",
    ),
    (
        "lianzhou_keeper",
        "select, update",
        "capability capability_price terms_line endpoint answer agreement import_batch",
    ),
    ("lianzhou_keeper", "select, insert", "event"),
    (
        "lianzhou_keeper",
        "select",
        "organisation suggestion lone_bid membership invitation confidentiality_acceptance compliance_acknowledgement"
        " signature envelope evaluation evaluation_reply abroad_assessment",
    ),
)
"""What each of the product's own roles may do with which tables; none but the solver reads every firm's price."""


def _own_work() -> None:
    for role, rights, tables in WORK:
        for table in tables.split():
            allow(table, role, rights, write=TRADING if role == "lianzhou_formation" else "")
    allow("agreement", "lianzhou_notary", columns="(id, created_at, consortium_id, edition, sha256)")
    mine = _beneath("capability c", f"c.id = capability_id and (c.organisation_id = {ME} or {OPERATOR})")
    allow("capability_price", "lianzhou_importer", "select, insert, update, delete", where=mine)

    queue = ", ".join((*PEOPLE, "lianzhou_formation", "lianzhou_worker", "lianzhou_importer", "lianzhou_keeper"))
    op.execute(f"grant select, insert, update, delete on all tables in schema queue to {queue}")
    op.execute(f"grant usage on all sequences in schema queue to {queue}")


def downgrade() -> None:
    """Take tables out of row-level security and drop what the policies rest on; the roles stay for other databases."""
    for table in _protected():
        release(table)
    for function in DEFINER:
        op.execute(f"alter function {function} security invoker")
        op.execute(f"alter function {function} reset search_path")
    op.execute("grant execute on function bid_claim_of(uuid, uuid, uuid, uuid) to public")
    op.execute("drop schema tenancy cascade")
    for role in ROLES:
        op.execute(f"drop owned by {role}")


def _protected() -> list[str]:
    found = op.get_bind().execute(
        sa.text(
            "select relname from pg_class where relrowsecurity and relkind = 'r'"
            " and relnamespace = current_schema()::regnamespace order by 1"
        )
    )
    return [row.relname for row in found]
