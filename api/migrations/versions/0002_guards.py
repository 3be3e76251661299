"""What no statement may do, whoever sends it: promise capacity twice, answer too late, rewrite what was agreed or told.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

REFUSAL = """
create function refuse(broken text, said text) returns void language plpgsql as $$
begin
  raise exception '%', said using errcode = 'check_violation', constraint = broken;
end $$
"""

CAPACITY_HOLD = """
create function capacity_hold_guard() returns trigger language plpgsql as $$
declare
  live constant text[] := array['soft', 'hard'];
  moved integer;
begin
  if tg_op = 'DELETE' then
    perform refuse('ck_capacity_hold_kept', 'a hold is released, never deleted');
  elsif tg_op = 'INSERT' then
    if new.state <> 'soft' then
      perform refuse('ck_capacity_hold_edge', 'a hold begins soft');
    end if;
    if not exists (
      select from membership m join capacity_month c using (organisation_id)
      where m.id = new.membership_id and c.id = new.capacity_month_id
    ) then
      perform refuse('ck_capacity_hold_own', 'a firm promises its own capacity only');
    end if;
    moved := new.quantity;
  else
    if (new.id, new.membership_id, new.capacity_month_id, new.quantity)
      is distinct from (old.id, old.membership_id, old.capacity_month_id, old.quantity) then
      perform refuse('ck_capacity_hold_fixed', 'what a hold holds does not change');
    end if;
    if new.state <> old.state and (old.state, new.state) not in (
      ('soft', 'hard'), ('soft', 'released'), ('soft', 'expired'), ('hard', 'released')
    ) then
      perform refuse('ck_capacity_hold_edge', format('no hold goes from %s to %s', old.state, new.state));
    end if;
    moved := case when new.state = any (live) then new.quantity else 0 end
           - case when old.state = any (live) then old.quantity else 0 end;
  end if;
  if moved <> 0 then
    -- ck_capacity_month_no_overcommit decides; the row lock makes others wait for the decision
    update capacity_month set reserved = reserved + moved where id = new.capacity_month_id;
  end if;
  return new;
end $$
"""

CAPACITY_MONTH = """
create function capacity_month_guard() returns trigger language plpgsql as $$
begin
  -- depth 2 is an update by capacity_hold_guard; depth 1 is somebody's own statement
  if pg_trigger_depth() < 2 and new.reserved <> (case when tg_op = 'INSERT' then 0 else old.reserved end) then
    perform refuse('ck_capacity_month_reserved', 'only holds move what is reserved');
  end if;
  return new;
end $$
"""

INVITATION = """
create function invitation_guard() returns trigger language plpgsql as $$
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

KEPT_ROWS = """
create function kept_guard() returns trigger language plpgsql as $$
begin
  perform refuse('ck_' || tg_table_name || '_kept', format('%s keeps every row as it was written', tg_table_name));
  return null;
end $$
"""

KEPT = ("terms", "terms_line", "agreement", "signature", "event")
FUNCTIONS = ("capacity_hold_guard", "capacity_month_guard", "invitation_guard", "kept_guard", "refuse(text, text)")


def upgrade() -> None:
    """Create the guards."""
    for function in (REFUSAL, CAPACITY_HOLD, CAPACITY_MONTH, INVITATION, KEPT_ROWS):
        op.execute(function)
    guard("capacity_hold", "insert or update or delete", "capacity_hold_guard")
    guard("capacity_month", "insert or update of reserved", "capacity_month_guard")
    guard("invitation", "update", "invitation_guard")
    for table in KEPT:
        guard(table, "update or delete", "kept_guard")
    for table in ("capacity_hold", *KEPT):
        op.execute(f"create trigger kept_whole before truncate on {table} execute function kept_guard()")


def guard(table: str, moments: str, function: str) -> None:
    """Call `function` for each row at `moments`; a trigger for a statement would also fire for a cascade to no rows."""
    op.execute(f"create trigger {function} before {moments} on {table} for each row execute function {function}()")


def downgrade() -> None:
    """Drop the guards with everything that calls them."""
    for function in FUNCTIONS:
        op.execute(f"drop function {function} cascade")
