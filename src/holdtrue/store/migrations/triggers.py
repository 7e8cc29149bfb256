"""Triggers of the first tables for PostgreSQL: the guards that SQLite says in one statement each.

A released text is never changed: a later step replaces the function. The functions keep the search path that they were
made with, so that they guard whoever writes, in whatever session.
"""

import re
from collections.abc import Iterable, Iterator

_BREAKS_CHAIN = """NEW.sequence <> coalesce((SELECT sequence FROM audit_heads WHERE loop = NEW.loop), 0) + 1
        OR NEW.previous <> coalesce((SELECT digest FROM audit_heads WHERE loop = NEW.loop), repeat('0', 64))"""
_MOVE_HEAD = """INSERT INTO audit_heads (loop, sequence, digest) VALUES (NEW.loop, NEW.sequence, NEW.digest)
    ON CONFLICT ON CONSTRAINT audit_heads_pkey DO UPDATE SET sequence = excluded.sequence, digest = excluded.digest;
    RETURN NEW;"""


def make_triggers(*, rises: str, has_proof: str, append_only: Iterable[str]) -> Iterator[str]:
    """Yield the statements that make functions and triggers.

    Args:
        rises: the condition that a row of `traffic_shares` raises a share.
        has_proof: the condition that its version may have it.
        append_only: the tables that only grow.
    """
    no_proof = "promotion refused: no passed, unexpired verdict stands behind the version"
    yield _function("guard_share", _refuse(no_proof, f"{rises} AND NOT {has_proof}"))
    yield _function("keep_rows", "RAISE EXCEPTION '%% is append-only', TG_TABLE_NAME;")
    yield _function("continue_chain", _refuse("an audit entry must continue the chain", _BREAKS_CHAIN))
    yield _function("move_head", _MOVE_HEAD)
    yield _trigger("traffic_shares", "guard_share", "BEFORE INSERT OR UPDATE")
    for table in append_only:
        yield _trigger(table, "keep_rows", "BEFORE UPDATE OR DELETE")
        yield _trigger(table, "keep_rows", "BEFORE TRUNCATE", each="STATEMENT")
    yield _trigger("audit", "continue_chain", "BEFORE INSERT")
    yield _trigger("audit", "move_head", "AFTER INSERT")


def _function(name: str, body: str) -> str:
    head = f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$"
    quoted = re.sub(r"\bloop\b", '"loop"', body)  # LOOP is a word of the language as well as a column of ours
    return f"{head}\nBEGIN\n    {quoted}\nEND\n$$"


def _refuse(message: str, condition: str) -> str:
    return f"IF {condition} THEN\n        RAISE EXCEPTION '{message}';\n    END IF;\n    RETURN NEW;"


def _trigger(table: str, function: str, event: str, *, each: str = "ROW") -> str:
    name = f"{table}_{function}_{event.split()[1].lower()}"
    return f"CREATE TRIGGER {name} {event} ON {table} FOR EACH {each} EXECUTE FUNCTION {function}()"
