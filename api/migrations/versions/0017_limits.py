"""Limits: figures a deployment states for itself, counts of requests and invitations, and the guard of invitations.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ALLOWED = """
create function allowed(wanted text, usual integer) returns integer language sql stable as $$
  select coalesce((select most from quota where name = wanted), usual)
$$
"""

TOO_MANY = """
create function too_many(broken text, seconds double precision) returns void language plpgsql as $$
begin
  raise exception 'a limit was reached: %', broken
    using errcode = 'check_violation', constraint = broken, detail = ceil(greatest(seconds, 1))::bigint::text;
end $$
"""

GUARD = """
create function invitation_quota() returns trigger language plpgsql as $$
declare
  at constant timestamptz := clock_timestamp();
  today constant date := (at at time zone 'Asia/Shanghai')::date;
  tomorrow constant timestamptz := (today + 1)::timestamp at time zone 'Asia/Shanghai';
  leader uuid; asked uuid; lot uuid; counted integer; until timestamptz;
begin
  select c.organisation_id, m.organisation_id, m.opportunity_id into leader, asked, lot
    from membership m join consortium c on c.id = m.consortium_id where m.id = new.membership_id;
  if leader = asked then
    return new;
  end if;
  -- the leader's row of the day is locked by whoever sends: others wait here, and count what he has committed
  insert into invitation_count as today_s (organisation_id, day, sent) values (leader, today, 0)
    on conflict (organisation_id, day) do update set sent = today_s.sent;
  if not exists (select from invitation i where i.membership_id = new.membership_id) then
    update invitation_count set sent = sent + 1 where organisation_id = leader and day = today
      returning sent into counted;
    if counted > allowed('invitations', 50) then
      perform too_many('quota_invitations', extract(epoch from tomorrow - at));
    end if;
  end if;
  select count(*), min(i.deadline) into counted, until
    from invitation i join membership m on m.id = i.membership_id join consortium c on c.id = m.consortium_id
    where c.organisation_id = leader and m.organisation_id = asked and i.state = 'sent';
  if counted >= allowed('live_invitations', 5) then
    perform too_many('quota_live_invitations', extract(epoch from until - at));
  end if;
  select count(*), min(i.answered_at) + interval '30 days' into counted, until
    from invitation i join membership m on m.id = i.membership_id join consortium c on c.id = m.consortium_id
    where c.organisation_id = leader and m.organisation_id = asked and m.opportunity_id = lot
      and i.state = 'declined' and i.answered_at > at - interval '30 days';
  if counted > allowed('reinvitations', 3) then
    perform too_many('quota_reinvitations', extract(epoch from until - at));
  end if;
  return new;
end $$
"""


def upgrade() -> None:
    """Create the tables and the guard."""
    op.create_table(
        "quota",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.CheckConstraint("most >= 0", name=op.f("ck_quota_most")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_quota")),
    )
    op.create_table(
        "request_count",
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_request_count")),
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "invitation_count",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.CheckConstraint("sent >= 0", name=op.f("ck_invitation_count_sent")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_invitation_count_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("organisation_id", "day", name=op.f("pk_invitation_count")),
    )
    for function in (ALLOWED, TOO_MANY, GUARD):
        op.execute(function)
    op.execute(
        "create trigger invitation_quota before insert on invitation for each row execute function invitation_quota()"
    )


def downgrade() -> None:
    """Drop the guard and the tables."""
    op.execute("drop function invitation_quota() cascade")
    op.execute("drop function too_many(text, double precision)")
    op.execute("drop function allowed(text, integer)")
    for table in ("invitation_count", "request_count", "quota"):
        op.drop_table(table)
