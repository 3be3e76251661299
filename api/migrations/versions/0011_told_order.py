"""Events of one thing are told in the order in which they happened, whichever transaction got its number first.

Revision ID: 0011
Revises: 0010
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

PLACE = """
create function event_place() returns trigger language plpgsql as $$
begin
  new.xid := greatest(
    pg_current_xact_id()::text::bigint,
    (select max(xid) from event where subject_id = new.subject_id),
    (select max(xid) from event where consortium_id = new.consortium_id)
  );
  return new;
end $$
"""


def upgrade() -> None:
    """Give events their place at the moment they are written; the newest place of a thing is one look at an index."""
    for column in ("subject_id", "consortium_id"):
        op.drop_index(op.f(f"ix_event_{column}"), "event")
        op.create_index(op.f(f"ix_event_{column}"), "event", [column, "xid"])
    op.execute(PLACE)
    op.execute("create trigger event_place before insert on event for each row execute function event_place()")


def downgrade() -> None:
    """Let the number of the transaction be the place again."""
    op.execute("drop trigger event_place on event")
    op.execute("drop function event_place()")
    for column in ("subject_id", "consortium_id"):
        op.drop_index(op.f(f"ix_event_{column}"), "event")
        op.create_index(op.f(f"ix_event_{column}"), "event", [column])
