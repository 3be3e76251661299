"""Everything that changes state: session, actor and input in, rows out; nobody here commits."""
