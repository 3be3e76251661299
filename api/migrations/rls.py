"""Row-level security, said in a few words; migrations call it and nothing else does.

A table is `protect`ed for people, `watch`ed by those who oversee, and `allow`ed to the product's own roles. What this
module writes for a call must never change: migrations that have run rest on it. A new form is a new function.
"""

from alembic import op

PEOPLE = ("lianzhou_app", "lianzhou_bureau")
FIRMS = ("lianzhou_app",)
ME = "(select tenancy.organisation())"
PERSON = "(select tenancy.person())"
"""As sub-selects they are evaluated once a statement; called bare, once a row."""


UNRULED = """
do $$ declare each record; begin
  for each in select polname from pg_policy where polrelid = '{table}'::regclass loop
    execute format('drop policy %I on {table}', each.polname);
  end loop;
end $$
"""
RESTS = """
do $$ declare keys text; begin
  select string_agg(distinct quote_ident(attname), ', ') into keys
  from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any (c.conkey)
  where c.contype = 'f' and c.conrelid = '{table}'::regclass;
  if keys is not null then
    execute format('grant select (%s) on {table} to lianzhou_importer', keys);
    create policy importer_rests on {table} for select to lianzhou_importer using (true);
  end if;
end $$
"""


def enforce(table: str) -> None:
    """Put a table under row-level security, for its owner too; the owner keeps it by a policy that can be seen."""
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f"create policy owner on {table} to current_user using (true) with check (true)")


def protect(
    table: str,
    see: str,
    write: str | None = None,
    *,
    to: tuple[str, ...] = PEOPLE,
    rights: str = "select, insert, update, delete",
    rests: bool = True,
) -> None:
    """Enforce a table and let `to` see the rows that `see` describes and write those that `write` does.

    A row one sees can be locked by him; what he makes of it must satisfy `write`, which is `see` where nothing is said.
    Whether its rows rest on what an import has written is asked before the import is undone; so the importer reads its
    foreign keys, unless `rests` is false.
    """
    enforce(table)
    if rests:
        op.execute(RESTS.format(table=table))
    write, roles = write or see, ", ".join(to)
    op.execute(f"grant {rights} on {table} to {roles}")
    op.execute(f"create policy people_see on {table} for select to {roles} using ({see})")
    if "insert" in rights:
        op.execute(f"create policy people_add on {table} for insert to {roles} with check ({write})")
    if "update" in rights:
        op.execute(f"create policy people_change on {table} for update to {roles} using ({see}) with check ({write})")
    if "delete" in rights:
        op.execute(f"create policy people_remove on {table} for delete to {roles} using ({write})")


def watch(table: str, see: str = "true", *, columns: str = "", lock: bool = False, change: str = "false") -> None:
    """Let those who oversee read the rows that `see` describes, only `columns` where some are named.

    With `lock` they may lock what they read, since a refusal is decided under the lock; they change what `change` says.
    """
    op.execute(f"grant select {columns} on {table} to lianzhou_bureau")
    op.execute(f"create policy bureau_see on {table} for select to lianzhou_bureau using ({see})")
    if lock:
        op.execute(f"grant update on {table} to lianzhou_bureau")
        op.execute(
            f"create policy bureau_change on {table} for update to lianzhou_bureau using ({see}) with check ({change})"
        )


def allow(
    table: str, role: str, rights: str = "select", *, where: str = "true", write: str = "", columns: str = ""
) -> None:
    """Let one of the product's own roles do `rights` on a protected table, on the rows that `where` describes.

    It changes those that `write` describes, which is `where` where nothing is said.
    """
    op.execute(f"grant {rights} {columns} on {table} to {role}")
    for right in ("select", "insert", "update", "delete"):
        if right not in rights:
            continue
        held = where if right == "select" else write or where
        ends = f"with check ({held})" if right == "insert" else f"using ({held})"
        name = f"{role.removeprefix('lianzhou_')}_{right}"
        op.execute(f"create policy {name} on {table} for {right} to {role} {ends}")


def release(table: str) -> None:
    """Take a table out of row-level security, with its policies and the rights of every role but its owner."""
    op.execute(UNRULED.format(table=table))
    op.execute(f"alter table {table} no force row level security")
    op.execute(f"alter table {table} disable row level security")
