"""Judges of a storm that share no code with the formation: of the ledger's journal, of the events, of the rows.

Each returns what is wrong, in words; nothing when all is well.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.kinds import ConsortiumState, MembershipState
from domain.lifecycle import CONSORTIUM, MEMBERSHIP

JOURNAL = """
create table storm_journal (
  id bigint generated always as identity primary key,
  capacity_month_id bigint not null, hold_id uuid, live boolean, quantity integer, declared integer
);
create function storm_hold() returns trigger language plpgsql security definer as $$
begin
  insert into storm_journal (capacity_month_id, hold_id, live, quantity)
  values (new.capacity_month_id, new.id, new.state in ('soft', 'hard'), new.quantity);
  return null;
end $$;
create trigger storm_hold after insert or update of state on capacity_hold for each row execute function storm_hold();
create function storm_month() returns trigger language plpgsql security definer as $$
begin
  insert into storm_journal (capacity_month_id, declared) values (new.id, new.declared);
  return null;
end $$;
create trigger storm_month after insert or update of declared on capacity_month
  for each row execute function storm_month()
"""
"""A ledger beside the ledger. What it writes about one month is written under the lock of that month's row, so its
order is the order of commits, and every prefix of it is a state that somebody could have seen."""

AUDIT = """
select
  (select count(*) from capacity_month where reserved > declared or reserved < 0) as over,
  (select count(*) from capacity_month c where reserved <> (
     select coalesce(sum(quantity), 0) from capacity_hold h
     where h.capacity_month_id = c.id and h.state in ('soft', 'hard'))) as drift
"""
"""One statement, so one moment."""

STATES = {
    "membership.invited": MembershipState.INVITED,
    "membership.accepted": MembershipState.ACCEPTED,
    "membership.countered": MembershipState.COUNTERED,
    "membership.declined": MembershipState.DECLINED,
    "membership.expired": MembershipState.EXPIRED,
    "membership.signed": MembershipState.SIGNED,
    "membership.unsigned": MembershipState.ACCEPTED,
    "membership.withdrawn": MembershipState.WITHDRAWN,
    "membership.replaced": MembershipState.REPLACED,
}
STANDINGS = {
    "consortium.formed": ConsortiumState.FORMING,
    "consortium.agreed": ConsortiumState.AGREED,
    "consortium.reopened": ConsortiumState.FORMING,
    "consortium.signed": ConsortiumState.SIGNED,
    "consortium.dissolved": ConsortiumState.DISSOLVED,
}

RULES: Mapping[str, str] = {
    "a seat waits in a consortium that is past waiting": """
        select m.id from membership m join consortium c on c.id = m.consortium_id
        where c.state <> 'forming' and m.state in ('proposed', 'invited', 'countered')""",
    "a dissolved consortium has a live seat": """
        select m.id from membership m join consortium c on c.id = m.consortium_id
        where c.state = 'dissolved' and m.state in ('accepted', 'signed', 'active')""",
    "an agreed package is not covered exactly": """
        select c.id from consortium c join work_package p using (opportunity_id)
        left join lateral (
          select sum(l.units) as units from membership m
          join terms t on t.membership_id = m.id and t.edition = m.edition join terms_line l on l.terms_id = t.id
          where m.consortium_id = c.id and m.state in ('accepted', 'signed', 'active') and l.package_id = p.id
        ) taken on true
        where c.state in ('agreed', 'signed') and coalesce(taken.units, 0) <> p.quantity""",
    "an agreed consortium has not exactly one lead": """
        select consortium_id from membership m join consortium c on c.id = m.consortium_id
        where c.state in ('agreed', 'signed') and m.state in ('accepted', 'signed', 'active')
        group by consortium_id having count(*) filter (where m.lead) <> 1""",
    "a signed consortium lacks a signature of its newest agreement": """
        select m.id from membership m join consortium c on c.id = m.consortium_id
        where c.state = 'signed' and m.state = 'signed' and not exists (
          select from signature s where s.organisation_id = m.organisation_id and s.agreement_id = (
            select id from agreement a where a.consortium_id = c.id order by edition desc limit 1))""",
    "a member of a signed consortium has not signed": """
        select m.id from membership m join consortium c on c.id = m.consortium_id
        where c.state = 'signed' and m.state = 'accepted'""",
    "a seat has signed while nothing is agreed": """
        select m.id from membership m join consortium c on c.id = m.consortium_id
        where m.state = 'signed' and c.state not in ('agreed', 'signed')""",
    "capacity is kept for a seat that has ended": """
        select h.id from capacity_hold h join membership m on m.id = h.membership_id
        where h.state in ('soft', 'hard')
        and m.state in ('proposed', 'declined', 'expired', 'withdrawn', 'replaced')""",
    "a signature rests on a soft hold": """
        select h.id from capacity_hold h join membership m on m.id = h.membership_id
        where h.state = 'soft' and m.state in ('signed', 'active')""",
    "a live seat holds less or more than its terms promise": """
        select m.id from membership m where m.state in ('invited', 'countered', 'accepted', 'signed', 'active')
        and (select sum(l.units) from terms t join terms_line l on l.terms_id = t.id
             where t.membership_id = m.id and t.edition = m.edition)
         <> (select coalesce(sum(h.quantity), 0) from capacity_hold h
             where h.membership_id = m.id and h.state in ('soft', 'hard'))""",
    "the question to a seat does not stand as the seat does": """
        select m.id from membership m where m.state in ('invited', 'countered', 'accepted')
        and (select i.state from invitation i where i.membership_id = m.id order by i.edition desc limit 1)
         <> (case m.state when 'invited' then 'sent' else m.state end)""",
    "a seat that has ended is still asked": """
        select m.id from membership m join invitation i on i.membership_id = m.id
        where i.state in ('sent', 'countered') and m.state not in ('invited', 'countered')""",
    "a change of state is told without the digest of what is said since": """
        select id from event where digest_after is null and code in (
          'membership.invited', 'membership.accepted', 'membership.countered', 'membership.declined',
          'membership.expired', 'membership.signed', 'membership.unsigned', 'membership.withdrawn',
          'membership.replaced', 'consortium.formed', 'consortium.agreed', 'consortium.reopened', 'consortium.signed',
          'consortium.dissolved')""",
    "a change of state follows on another thing than the one before left": """
        select id from (select id, code, digest_before, lag(digest_after)
          over (partition by subject_id order by xid, id)
          as left_so from event where code like 'membership.%' or code like 'consortium.%') told
        where code like 'membership.%' and digest_before <> left_so""",
    "a firm takes part in a lot otherwise than it claims": """
        select opportunity_id from bid_claim full join (
          select opportunity_id, organisation_id, id as seat from membership
          where state in ('accepted', 'signed', 'active')) live using (opportunity_id, organisation_id)
        where membership_id is distinct from seat""",
    "a firm sits in two consortia of one project": """
        select opportunity_id from membership where state in ('accepted', 'signed', 'active')
        group by opportunity_id, organisation_id having count(*) > 1""",
}
"""What must never be, by rows alone; each selects those that are so."""


def over_commitments(journal: Iterable[Any]) -> Iterator[str]:
    """Walk the journal and tell where, after any one of its lines, more is kept of a month than is declared."""
    declared: dict[int, int] = {}
    kept: dict[int, dict[UUID, int]] = {}
    for line in journal:
        month = kept.setdefault(line.capacity_month_id, {})
        if line.declared is not None:
            declared[line.capacity_month_id] = line.declared
        elif line.live:
            month[line.hold_id] = line.quantity
        else:
            month.pop(line.hold_id, None)
        if sum(month.values()) > declared[line.capacity_month_id]:
            yield f"line {line.id}: {sum(month.values())} of {declared[line.capacity_month_id]} are kept"


def untrue_lives(
    events: Sequence[Any], memberships: Mapping[UUID, str], consortia: Mapping[UUID, str]
) -> Iterator[str]:
    """Derive every life from what was told, step by step along the lifecycle tables; compare the ends with the rows."""
    seats: dict[UUID, MembershipState] = {}
    wholes: dict[UUID, ConsortiumState] = {}
    for event in events:
        if event.code in STATES:
            before, after = seats.get(event.subject_id, MembershipState.PROPOSED), STATES[event.code]
            seats[event.subject_id] = after
            if after not in MEMBERSHIP[before]:
                yield f"event {event.id}: {event.code}, where the seat was {before}"
        elif event.code in STANDINGS:
            was, now = wholes.get(event.subject_id), STANDINGS[event.code]
            wholes[event.subject_id] = now
            if (was is None) != (event.code == "consortium.formed") or (was is not None and now not in CONSORTIUM[was]):
                yield f"event {event.id}: {event.code}, where the consortium was {was}"
    yield from _different(dict.fromkeys(memberships, MembershipState.PROPOSED) | seats, memberships)
    yield from _different(wholes, consortia)


def _different(told: Mapping[UUID, Any], rows: Mapping[UUID, str]) -> Iterator[str]:
    for identity in told.keys() | rows.keys():
        if told.get(identity) != rows.get(identity):
            yield f"{identity} was told to be {told.get(identity)}, and is {rows.get(identity)}"


async def wrongs(connection: AsyncConnection) -> list[str]:
    """Return everything the judges find in a database that was stormed."""

    async def rows(sql: str) -> list[Any]:
        return list((await connection.execute(sa.text(sql))).all())

    found = [f"ledger: {each}" for each in over_commitments(await rows("select * from storm_journal order by id"))]
    (moment,) = await rows(AUDIT)
    found += [f"ledger: {moment.over} months over, {moment.drift} not the sum of their holds"] * any(moment)
    events = await rows("select id, xid, code, subject_id, consortium_id from event order by xid, id")
    seats = {row.id: row.state for row in await rows("select id, state from membership")}
    wholes = {row.id: row.state for row in await rows("select id, state from consortium")}
    found += [f"history: {each}" for each in untrue_lives(events, seats, wholes)]
    for rule, sql in RULES.items():
        found += [f"rows: {rule}: {row[0]}" for row in await rows(sql)]
    return found
