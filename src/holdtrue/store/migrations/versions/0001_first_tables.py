"""The first tables, the share guard, and the triggers that keep what was appended."""

from alembic import op

from holdtrue.store.migrations.triggers import make_triggers

revision = "0001"
down_revision = None


def moment(name: str, null: str = "NOT NULL") -> str:
    """Return the column of a moment: UTC text of fixed width, so that texts compare as times do."""
    return f"{name} TEXT {null} CHECK (length({name}) = 27 AND substr({name}, 27) = 'Z')"


TABLES = (
    f"""
CREATE TABLE versions (
    loop TEXT NOT NULL,
    number INTEGER NOT NULL CHECK (number >= 1),
    digest TEXT NOT NULL CHECK (length(digest) = 64),
    artifact TEXT NOT NULL CHECK (length(artifact) = 64),
    format TEXT NOT NULL,
    signature TEXT NOT NULL,
    lineage TEXT NOT NULL,
    loss TEXT NOT NULL,
    metrics TEXT NOT NULL,
    {moment("created_at")},
    PRIMARY KEY (loop, number),
    UNIQUE (loop, digest)
)""",
    f"""
CREATE TABLE releases (
    loop TEXT NOT NULL,
    version_number INTEGER NOT NULL,
    release_digest TEXT NOT NULL,
    artifact TEXT NOT NULL,
    signature_hex TEXT NOT NULL,
    {moment("at")},
    PRIMARY KEY (loop, version_number),
    FOREIGN KEY (loop, version_number) REFERENCES versions (loop, number)
)""",
    f"""
CREATE TABLE alias_events (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    loop TEXT NOT NULL,
    alias TEXT NOT NULL CHECK (alias <> ''),
    version INTEGER NOT NULL,
    {moment("at")},
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    FOREIGN KEY (loop, version) REFERENCES versions (loop, number)
)""",
    "CREATE INDEX alias_events_by_alias ON alias_events (loop, alias, sequence)",
    f"""
CREATE TABLE verdicts (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    verdict_id TEXT NOT NULL UNIQUE,
    loop TEXT NOT NULL,
    stage TEXT NOT NULL CHECK (stage IN ('gate', 'shadow', 'canary', 'refit')),
    challenger TEXT NOT NULL CHECK (challenger <> ''),
    champion TEXT,
    evaluation TEXT NOT NULL,
    code TEXT NOT NULL,
    ruling TEXT NOT NULL CHECK (ruling IN ('passed', 'failed', 'inconclusive', 'error')),
    verdicts TEXT NOT NULL,
    {moment("decided_at")},
    {moment("expires_at")},
    CHECK (expires_at >= decided_at)
)""",
    "CREATE INDEX verdicts_by_challenger ON verdicts (loop, challenger)",
    f"""
CREATE TABLE runs (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL UNIQUE,
    loop TEXT NOT NULL,
    reason TEXT NOT NULL,
    {moment("as_of")},
    state TEXT NOT NULL CHECK (state IN ('submitted', 'running', 'succeeded', 'failed')),
    dataset TEXT,
    code TEXT,
    parameters TEXT NOT NULL,
    steps TEXT NOT NULL,
    result TEXT NOT NULL,
    error TEXT,
    {moment("started_at", "")},
    {moment("ended_at", "")},
    cost TEXT,
    lease_owner TEXT,
    {moment("lease_expires_at", "")},
    revision INTEGER NOT NULL CHECK (revision >= 0)
)""",
    "CREATE INDEX runs_by_loop ON runs (loop, sequence)",
    "CREATE TABLE step_cache (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)",
    f"""
CREATE TABLE datasets (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    loop TEXT NOT NULL,
    digest TEXT NOT NULL CHECK (length(digest) = 64),
    {moment("as_of")},
    n_rows INTEGER NOT NULL CHECK (n_rows >= 0),
    n_labelled INTEGER NOT NULL CHECK (n_labelled BETWEEN 0 AND n_rows),
    {moment("starts_at")},
    {moment("ends_at")},
    schema TEXT NOT NULL,
    task TEXT NOT NULL CHECK (task IN ('binary', 'multiclass', 'regression')),
    classes TEXT NOT NULL,
    source TEXT NOT NULL,
    UNIQUE (loop, digest)
)""",
    """
CREATE TABLE labels (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    loop TEXT NOT NULL,
    key TEXT,
    prediction_id TEXT,
    label TEXT NOT NULL,
    at REAL NOT NULL,
    received_at REAL NOT NULL,
    CHECK (key IS NOT NULL OR prediction_id IS NOT NULL)
)""",
    # NULLs never equal each other in an index, hence the coalesce; 'k' keeps an empty key apart from no key.
    "CREATE UNIQUE INDEX labels_are_kept_once ON labels "
    "(loop, received_at, coalesce('k' || key, ''), coalesce('k' || prediction_id, ''), label, at)",
    "CREATE TABLE label_offsets (name TEXT NOT NULL PRIMARY KEY, position INTEGER NOT NULL CHECK (position >= 0))",
    f"""
CREATE TABLE rollouts (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    rollout_id TEXT NOT NULL UNIQUE,
    loop TEXT NOT NULL,
    champion INTEGER NOT NULL,
    challenger INTEGER NOT NULL,
    plan TEXT NOT NULL,
    terms TEXT NOT NULL,
    {moment("started_at")},
    stage_index INTEGER NOT NULL CHECK (stage_index >= 0),
    {moment("stage_started_at")},
    status TEXT NOT NULL CHECK (status IN ('active', 'promoted', 'aborted')),
    {moment("ended_at", "")},
    sentence TEXT NOT NULL,
    revision INTEGER NOT NULL CHECK (revision >= 0),
    exposures TEXT NOT NULL,
    CHECK (champion <> challenger),
    FOREIGN KEY (loop, champion) REFERENCES versions (loop, number),
    FOREIGN KEY (loop, challenger) REFERENCES versions (loop, number)
)""",
    "CREATE UNIQUE INDEX rollouts_one_active ON rollouts (loop) WHERE status = 'active'",
    f"""
CREATE TABLE traffic (
    service TEXT NOT NULL,
    loop TEXT NOT NULL,
    revision INTEGER NOT NULL CHECK (revision >= 0),
    salt TEXT NOT NULL,
    champion INTEGER NOT NULL,
    challenger INTEGER,
    is_shadowed INTEGER NOT NULL CHECK (is_shadowed IN (0, 1)),
    {moment("decided_at")},
    PRIMARY KEY (service, loop),
    CHECK (challenger IS NOT NULL OR is_shadowed = 0),
    FOREIGN KEY (loop, champion) REFERENCES versions (loop, number),
    FOREIGN KEY (loop, challenger) REFERENCES versions (loop, number)
)""",
    """
CREATE TABLE traffic_shares (
    service TEXT NOT NULL,
    loop TEXT NOT NULL,
    version INTEGER NOT NULL,
    share REAL NOT NULL CHECK (share BETWEEN 0 AND 1),
    PRIMARY KEY (service, loop, version),
    FOREIGN KEY (service, loop) REFERENCES traffic (service, loop),
    FOREIGN KEY (loop, version) REFERENCES versions (loop, number)
)""",
    f"""
CREATE TABLE alerts (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    alert_id TEXT NOT NULL UNIQUE,
    loop TEXT NOT NULL,
    version INTEGER NOT NULL,
    cause TEXT NOT NULL,
    sentence TEXT NOT NULL,
    {moment("opened_at")},
    {moment("closed_at", "")},
    evidence TEXT NOT NULL
)""",
    "CREATE UNIQUE INDEX alerts_one_open ON alerts (loop, version, cause) WHERE closed_at IS NULL",
    f"""
CREATE TABLE windows (
    loop TEXT NOT NULL,
    version INTEGER NOT NULL,
    {moment("starts_at")},
    {moment("ends_at")},
    n_rows INTEGER NOT NULL CHECK (n_rows >= 0),
    n_due INTEGER NOT NULL CHECK (n_due >= 0),
    n_labelled INTEGER NOT NULL CHECK (n_labelled >= 0),
    loss REAL,
    loss_low REAL,
    loss_high REAL,
    metrics TEXT NOT NULL,
    PRIMARY KEY (loop, version, starts_at),
    CHECK (ends_at > starts_at)
)""",
    """
CREATE TABLE loop_states (
    loop TEXT NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL CHECK (revision >= 1),
    state TEXT NOT NULL
)""",
    f"""
CREATE TABLE audit (
    loop TEXT NOT NULL,
    sequence INTEGER NOT NULL CHECK (sequence >= 1),
    {moment("at")},
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    sentence TEXT NOT NULL,
    detail TEXT NOT NULL,
    previous TEXT NOT NULL CHECK (length(previous) = 64),
    digest TEXT NOT NULL CHECK (length(digest) = 64),
    PRIMARY KEY (loop, sequence)
)""",
    """
CREATE TABLE audit_heads (
    loop TEXT NOT NULL PRIMARY KEY,
    sequence INTEGER NOT NULL,
    digest TEXT NOT NULL
)""",
    """
CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    token INTEGER NOT NULL CHECK (token >= 1),
    expires_unix REAL NOT NULL
)""",
)

# A version may be given a larger share than it has only (a) when it was champion before and any verdict on its digest
# has passed, so that a rollback always works, or (b) with a passed gate or refit verdict on its digest that had not
# expired at the moment of the decision. Lowering is always free, and so is a shadow (share 0).
HAS_PROOF = """EXISTS (
        SELECT 1
        FROM versions AS v
        JOIN verdicts AS d ON d.loop = v.loop AND d.challenger = v.digest AND d.ruling = 'passed'
        JOIN traffic AS t ON t.service = NEW.service AND t.loop = NEW.loop
        WHERE v.loop = NEW.loop AND v.number = NEW.version AND (
            (d.stage IN ('gate', 'refit') AND d.expires_at > t.decided_at)
            OR EXISTS (
                SELECT 1 FROM alias_events AS a
                WHERE a.loop = NEW.loop AND a.alias = 'champion' AND a.version = NEW.version
            )
        )
    )"""

RAISES = """NEW.share > coalesce((
        SELECT share FROM traffic_shares
        WHERE service = NEW.service AND loop = NEW.loop AND version = NEW.version
    ), 0)"""


def guard_shares(event: str) -> str:
    """Return the trigger that guards shares on INSERT or on UPDATE."""
    return f"""
CREATE TRIGGER traffic_shares_guarded_on_{event.lower()}
BEFORE {event} ON traffic_shares
WHEN {RAISES}
    AND NOT {HAS_PROOF}
BEGIN
    SELECT RAISE(ABORT, 'promotion refused: no passed, unexpired verdict stands behind the version');
END"""


def keep(table: str, event: str) -> str:
    """Return the trigger that refuses to change (UPDATE) or to remove (DELETE) what was appended."""
    return f"""
CREATE TRIGGER {table}_refuses_{event.lower()}
BEFORE {event} ON {table}
BEGIN
    SELECT RAISE(ABORT, '{table} is append-only');
END"""


def keep_first(table: str, is_same: str) -> str:
    """Return the trigger that refuses a second row of one key: INSERT OR REPLACE would remove the first unseen."""
    return f"""
CREATE TRIGGER {table}_keeps_the_first
BEFORE INSERT ON {table}
WHEN EXISTS (SELECT 1 FROM {table} WHERE {is_same})
BEGIN
    SELECT RAISE(ABORT, 'UNIQUE: {table} keeps the first row of a key');
END"""


APPEND_ONLY = {
    "versions": "loop = NEW.loop AND (number = NEW.number OR digest = NEW.digest)",
    "releases": "loop = NEW.loop AND version_number = NEW.version_number",
    "alias_events": "sequence = NEW.sequence",
    "verdicts": "sequence = NEW.sequence OR verdict_id = NEW.verdict_id",
    "audit": "loop = NEW.loop AND sequence = NEW.sequence",
}

CHAIN = (
    """
CREATE TRIGGER audit_is_a_chain
BEFORE INSERT ON audit
WHEN NEW.sequence <> coalesce((SELECT sequence FROM audit_heads WHERE loop = NEW.loop), 0) + 1
    OR NEW.previous <> coalesce((SELECT digest FROM audit_heads WHERE loop = NEW.loop),
        '0000000000000000000000000000000000000000000000000000000000000000')
BEGIN
    SELECT RAISE(ABORT, 'an audit entry must continue the chain');
END""",
    # The head is kept apart, so that a chain which lost its last links is found to be short.
    """
CREATE TRIGGER audit_moves_its_head
AFTER INSERT ON audit
BEGIN
    INSERT OR REPLACE INTO audit_heads (loop, sequence, digest) VALUES (NEW.loop, NEW.sequence, NEW.digest);
END""",
)


# On PostgreSQL an index holds no long text, and a replaced row is an updated one, which is refused.
LONG_LABELS = (
    "CREATE UNIQUE INDEX labels_are_kept_once ON labels (loop, received_at, md5(coalesce('k' || key, '')), "
    "md5(coalesce('k' || prediction_id, '')), md5(label), at)"
)


def make_sqlite() -> list[str]:
    """Return all statements for SQLite."""
    triggers = [guard_shares(event) for event in ("INSERT", "UPDATE")]
    triggers += [keep(table, event) for table in APPEND_ONLY for event in ("UPDATE", "DELETE")]
    triggers += [keep_first(table, is_same) for table, is_same in APPEND_ONLY.items()]
    return [*TABLES, *triggers, *CHAIN]


def make_postgres() -> list[str]:
    """Return all statements for PostgreSQL."""
    tables = [LONG_LABELS if "labels_are_kept_once" in statement else statement for statement in TABLES]
    return [*tables, *make_triggers(rises=RAISES, has_proof=HAS_PROOF, append_only=APPEND_ONLY)]


def upgrade() -> None:
    """Make everything."""
    connection = op.get_bind()
    for statement in make_postgres() if connection.dialect.name == "postgresql" else make_sqlite():
        connection.exec_driver_sql(statement.strip())
