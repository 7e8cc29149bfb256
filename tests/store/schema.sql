CREATE UNIQUE INDEX alerts_one_open ON alerts (loop, version, cause) WHERE closed_at IS NULL;
CREATE INDEX alias_events_by_alias ON alias_events (loop, alias, sequence);
CREATE UNIQUE INDEX labels_are_kept_once ON labels (loop, received_at, coalesce('k' || key, ''), coalesce('k' || prediction_id, ''), label, at);
CREATE UNIQUE INDEX rollouts_one_active ON rollouts (loop) WHERE status = 'active';
CREATE INDEX runs_by_loop ON runs (loop, sequence);
CREATE INDEX verdicts_by_challenger ON verdicts (loop, challenger);
CREATE TABLE alerts (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    alert_id TEXT NOT NULL UNIQUE,
    loop TEXT NOT NULL,
    version INTEGER NOT NULL,
    cause TEXT NOT NULL,
    sentence TEXT NOT NULL,
    opened_at TEXT NOT NULL CHECK (length(opened_at) = 27 AND substr(opened_at, 27) = 'Z'),
    closed_at TEXT  CHECK (length(closed_at) = 27 AND substr(closed_at, 27) = 'Z'),
    evidence TEXT NOT NULL
);
CREATE TABLE alias_events (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    loop TEXT NOT NULL,
    alias TEXT NOT NULL CHECK (alias <> ''),
    version INTEGER NOT NULL,
    at TEXT NOT NULL CHECK (length(at) = 27 AND substr(at, 27) = 'Z'),
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    FOREIGN KEY (loop, version) REFERENCES versions (loop, number)
);
CREATE TABLE audit (
    loop TEXT NOT NULL,
    sequence INTEGER NOT NULL CHECK (sequence >= 1),
    at TEXT NOT NULL CHECK (length(at) = 27 AND substr(at, 27) = 'Z'),
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    sentence TEXT NOT NULL,
    detail TEXT NOT NULL,
    previous TEXT NOT NULL CHECK (length(previous) = 64),
    digest TEXT NOT NULL CHECK (length(digest) = 64),
    PRIMARY KEY (loop, sequence)
);
CREATE TABLE audit_heads (
    loop TEXT NOT NULL PRIMARY KEY,
    sequence INTEGER NOT NULL,
    digest TEXT NOT NULL
);
CREATE TABLE beliefs (
    loop TEXT NOT NULL,
    version INTEGER NOT NULL,
    metric TEXT NOT NULL,
    as_of TEXT NOT NULL CHECK (length(as_of) = 27 AND substr(as_of, 27) = 'Z'),
    n_awaiting INTEGER NOT NULL CHECK (n_awaiting >= 0),
    awaiting REAL,
    measured TEXT,
    believed REAL,
    excess TEXT,
    corrected TEXT,
    n_drawn INTEGER NOT NULL CHECK (n_drawn >= 0),
    n_needed INTEGER,
    precision REAL NOT NULL CHECK (precision > 0),
    PRIMARY KEY (loop, version, metric)
);
CREATE TABLE datasets (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    loop TEXT NOT NULL,
    digest TEXT NOT NULL CHECK (length(digest) = 64),
    as_of TEXT NOT NULL CHECK (length(as_of) = 27 AND substr(as_of, 27) = 'Z'),
    n_rows INTEGER NOT NULL CHECK (n_rows >= 0),
    n_labelled INTEGER NOT NULL CHECK (n_labelled BETWEEN 0 AND n_rows),
    starts_at TEXT NOT NULL CHECK (length(starts_at) = 27 AND substr(starts_at, 27) = 'Z'),
    ends_at TEXT NOT NULL CHECK (length(ends_at) = 27 AND substr(ends_at, 27) = 'Z'),
    schema TEXT NOT NULL,
    task TEXT NOT NULL CHECK (task IN ('binary', 'multiclass', 'regression')),
    classes TEXT NOT NULL,
    source TEXT NOT NULL,
    UNIQUE (loop, digest)
);
CREATE TABLE label_offsets (name TEXT NOT NULL PRIMARY KEY, position INTEGER NOT NULL CHECK (position >= 0));
CREATE TABLE labels (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    loop TEXT NOT NULL,
    key TEXT,
    prediction_id TEXT,
    label TEXT NOT NULL,
    at REAL NOT NULL,
    received_at REAL NOT NULL,
    CHECK (key IS NOT NULL OR prediction_id IS NOT NULL)
);
CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    token INTEGER NOT NULL CHECK (token >= 1),
    expires_unix REAL NOT NULL
);
CREATE TABLE loop_states (
    loop TEXT NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL CHECK (revision >= 1),
    state TEXT NOT NULL
);
CREATE TABLE releases (
    loop TEXT NOT NULL,
    version_number INTEGER NOT NULL,
    release_digest TEXT NOT NULL,
    artifact TEXT NOT NULL,
    signature_hex TEXT NOT NULL,
    at TEXT NOT NULL CHECK (length(at) = 27 AND substr(at, 27) = 'Z'),
    PRIMARY KEY (loop, version_number),
    FOREIGN KEY (loop, version_number) REFERENCES versions (loop, number)
);
CREATE TABLE rollouts (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    rollout_id TEXT NOT NULL UNIQUE,
    loop TEXT NOT NULL,
    champion INTEGER NOT NULL,
    challenger INTEGER NOT NULL,
    plan TEXT NOT NULL,
    terms TEXT NOT NULL,
    started_at TEXT NOT NULL CHECK (length(started_at) = 27 AND substr(started_at, 27) = 'Z'),
    stage_index INTEGER NOT NULL CHECK (stage_index >= 0),
    stage_started_at TEXT NOT NULL CHECK (length(stage_started_at) = 27 AND substr(stage_started_at, 27) = 'Z'),
    status TEXT NOT NULL CHECK (status IN ('active', 'promoted', 'aborted')),
    ended_at TEXT  CHECK (length(ended_at) = 27 AND substr(ended_at, 27) = 'Z'),
    sentence TEXT NOT NULL,
    revision INTEGER NOT NULL CHECK (revision >= 0),
    exposures TEXT NOT NULL,
    CHECK (champion <> challenger),
    FOREIGN KEY (loop, champion) REFERENCES versions (loop, number),
    FOREIGN KEY (loop, challenger) REFERENCES versions (loop, number)
);
CREATE TABLE runs (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL UNIQUE,
    loop TEXT NOT NULL,
    reason TEXT NOT NULL,
    as_of TEXT NOT NULL CHECK (length(as_of) = 27 AND substr(as_of, 27) = 'Z'),
    state TEXT NOT NULL CHECK (state IN ('submitted', 'running', 'succeeded', 'failed')),
    dataset TEXT,
    code TEXT,
    parameters TEXT NOT NULL,
    steps TEXT NOT NULL,
    result TEXT NOT NULL,
    error TEXT,
    started_at TEXT  CHECK (length(started_at) = 27 AND substr(started_at, 27) = 'Z'),
    ended_at TEXT  CHECK (length(ended_at) = 27 AND substr(ended_at, 27) = 'Z'),
    cost TEXT,
    lease_owner TEXT,
    lease_expires_at TEXT  CHECK (length(lease_expires_at) = 27 AND substr(lease_expires_at, 27) = 'Z'),
    revision INTEGER NOT NULL CHECK (revision >= 0)
);
CREATE TABLE step_cache (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE traffic (
    service TEXT NOT NULL,
    loop TEXT NOT NULL,
    revision INTEGER NOT NULL CHECK (revision >= 0),
    salt TEXT NOT NULL,
    champion INTEGER NOT NULL,
    challenger INTEGER,
    is_shadowed INTEGER NOT NULL CHECK (is_shadowed IN (0, 1)),
    decided_at TEXT NOT NULL CHECK (length(decided_at) = 27 AND substr(decided_at, 27) = 'Z'),
    PRIMARY KEY (service, loop),
    CHECK (challenger IS NOT NULL OR is_shadowed = 0),
    FOREIGN KEY (loop, champion) REFERENCES versions (loop, number),
    FOREIGN KEY (loop, challenger) REFERENCES versions (loop, number)
);
CREATE TABLE traffic_shares (
    service TEXT NOT NULL,
    loop TEXT NOT NULL,
    version INTEGER NOT NULL,
    share REAL NOT NULL CHECK (share BETWEEN 0 AND 1),
    PRIMARY KEY (service, loop, version),
    FOREIGN KEY (service, loop) REFERENCES traffic (service, loop),
    FOREIGN KEY (loop, version) REFERENCES versions (loop, number)
);
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
    decided_at TEXT NOT NULL CHECK (length(decided_at) = 27 AND substr(decided_at, 27) = 'Z'),
    expires_at TEXT NOT NULL CHECK (length(expires_at) = 27 AND substr(expires_at, 27) = 'Z'),
    CHECK (expires_at >= decided_at)
);
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
    created_at TEXT NOT NULL CHECK (length(created_at) = 27 AND substr(created_at, 27) = 'Z'), slices TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (loop, number),
    UNIQUE (loop, digest)
);
CREATE TABLE windows (
    loop TEXT NOT NULL,
    version INTEGER NOT NULL,
    starts_at TEXT NOT NULL CHECK (length(starts_at) = 27 AND substr(starts_at, 27) = 'Z'),
    ends_at TEXT NOT NULL CHECK (length(ends_at) = 27 AND substr(ends_at, 27) = 'Z'),
    n_rows INTEGER NOT NULL CHECK (n_rows >= 0),
    n_due INTEGER NOT NULL CHECK (n_due >= 0),
    n_labelled INTEGER NOT NULL CHECK (n_labelled >= 0),
    loss REAL,
    loss_low REAL,
    loss_high REAL,
    metrics TEXT NOT NULL,
    PRIMARY KEY (loop, version, starts_at),
    CHECK (ends_at > starts_at)
);
CREATE TRIGGER alias_events_keeps_the_first
BEFORE INSERT ON alias_events
WHEN EXISTS (SELECT 1 FROM alias_events WHERE sequence = NEW.sequence)
BEGIN
    SELECT RAISE(ABORT, 'UNIQUE: alias_events keeps the first row of a key');
END;
CREATE TRIGGER alias_events_refuses_delete
BEFORE DELETE ON alias_events
BEGIN
    SELECT RAISE(ABORT, 'alias_events is append-only');
END;
CREATE TRIGGER alias_events_refuses_update
BEFORE UPDATE ON alias_events
BEGIN
    SELECT RAISE(ABORT, 'alias_events is append-only');
END;
CREATE TRIGGER audit_is_a_chain
BEFORE INSERT ON audit
WHEN NEW.sequence <> coalesce((SELECT sequence FROM audit_heads WHERE loop = NEW.loop), 0) + 1
    OR NEW.previous <> coalesce((SELECT digest FROM audit_heads WHERE loop = NEW.loop),
        '0000000000000000000000000000000000000000000000000000000000000000')
BEGIN
    SELECT RAISE(ABORT, 'an audit entry must continue the chain');
END;
CREATE TRIGGER audit_keeps_the_first
BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE loop = NEW.loop AND sequence = NEW.sequence)
BEGIN
    SELECT RAISE(ABORT, 'UNIQUE: audit keeps the first row of a key');
END;
CREATE TRIGGER audit_moves_its_head
AFTER INSERT ON audit
BEGIN
    INSERT OR REPLACE INTO audit_heads (loop, sequence, digest) VALUES (NEW.loop, NEW.sequence, NEW.digest);
END;
CREATE TRIGGER audit_refuses_delete
BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit is append-only');
END;
CREATE TRIGGER audit_refuses_update
BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit is append-only');
END;
CREATE TRIGGER releases_keeps_the_first
BEFORE INSERT ON releases
WHEN EXISTS (SELECT 1 FROM releases WHERE loop = NEW.loop AND version_number = NEW.version_number)
BEGIN
    SELECT RAISE(ABORT, 'UNIQUE: releases keeps the first row of a key');
END;
CREATE TRIGGER releases_refuses_delete
BEFORE DELETE ON releases
BEGIN
    SELECT RAISE(ABORT, 'releases is append-only');
END;
CREATE TRIGGER releases_refuses_update
BEFORE UPDATE ON releases
BEGIN
    SELECT RAISE(ABORT, 'releases is append-only');
END;
CREATE TRIGGER traffic_shares_guarded_on_insert
BEFORE INSERT ON traffic_shares
WHEN NEW.share > coalesce((
        SELECT share FROM traffic_shares
        WHERE service = NEW.service AND loop = NEW.loop AND version = NEW.version
    ), 0)
    AND NOT EXISTS (
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
    )
BEGIN
    SELECT RAISE(ABORT, 'promotion refused: no passed, unexpired verdict stands behind the version');
END;
CREATE TRIGGER traffic_shares_guarded_on_update
BEFORE UPDATE ON traffic_shares
WHEN NEW.share > coalesce((
        SELECT share FROM traffic_shares
        WHERE service = NEW.service AND loop = NEW.loop AND version = NEW.version
    ), 0)
    AND NOT EXISTS (
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
    )
BEGIN
    SELECT RAISE(ABORT, 'promotion refused: no passed, unexpired verdict stands behind the version');
END;
CREATE TRIGGER verdicts_keeps_the_first
BEFORE INSERT ON verdicts
WHEN EXISTS (SELECT 1 FROM verdicts WHERE sequence = NEW.sequence OR verdict_id = NEW.verdict_id)
BEGIN
    SELECT RAISE(ABORT, 'UNIQUE: verdicts keeps the first row of a key');
END;
CREATE TRIGGER verdicts_refuses_delete
BEFORE DELETE ON verdicts
BEGIN
    SELECT RAISE(ABORT, 'verdicts is append-only');
END;
CREATE TRIGGER verdicts_refuses_update
BEFORE UPDATE ON verdicts
BEGIN
    SELECT RAISE(ABORT, 'verdicts is append-only');
END;
CREATE TRIGGER versions_keeps_the_first
BEFORE INSERT ON versions
WHEN EXISTS (SELECT 1 FROM versions WHERE loop = NEW.loop AND (number = NEW.number OR digest = NEW.digest))
BEGIN
    SELECT RAISE(ABORT, 'UNIQUE: versions keeps the first row of a key');
END;
CREATE TRIGGER versions_refuses_delete
BEFORE DELETE ON versions
BEGIN
    SELECT RAISE(ABORT, 'versions is append-only');
END;
CREATE TRIGGER versions_refuses_update
BEFORE UPDATE ON versions
BEGIN
    SELECT RAISE(ABORT, 'versions is append-only');
END;
