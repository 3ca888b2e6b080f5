-- What is watched, warnings with their steps, messages and silences.
CREATE TABLE watch (
    fingerprint TEXT COLLATE "C" NOT NULL,
    warning_id BIGINT,
    content JSONB NOT NULL,
    rev BIGINT NOT NULL,
    PRIMARY KEY (fingerprint)
);
CREATE TABLE alert_group (
    township TEXT COLLATE "C" NOT NULL,
    zone TEXT COLLATE "C" NOT NULL,
    opened_s BIGINT NOT NULL,
    told_s BIGINT,
    rev BIGINT NOT NULL,
    PRIMARY KEY (township, zone)
);
CREATE TABLE alert_run (
    rev BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    known_rev BIGINT NOT NULL,
    edition TEXT NOT NULL,
    edition_hash BYTEA NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE,
    duration_s DOUBLE PRECISION,
    counts JSONB NOT NULL,
    PRIMARY KEY (rev)
);
CREATE TABLE warning (
    warning_id BIGINT NOT NULL,
    fingerprint TEXT COLLATE "C" NOT NULL,
    kind TEXT NOT NULL,
    layer TEXT NOT NULL,
    record_code TEXT COLLATE "C",
    source_code TEXT COLLATE "C",
    part TEXT NOT NULL,
    side TEXT NOT NULL,
    township_code TEXT COLLATE "C",
    village_code TEXT COLLATE "C",
    grid_code TEXT COLLATE "C",
    enterprise_code TEXT COLLATE "C",
    committee TEXT COLLATE "C",
    zone_code TEXT COLLATE "C",
    rule TEXT NOT NULL,
    form TEXT NOT NULL,
    warn SMALLINT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    signed_by TEXT[] DEFAULT '{}' NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    fired_at TIMESTAMP WITH TIME ZONE NOT NULL,
    told_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    suppressed_by BIGINT,
    silenced_by TEXT[] DEFAULT '{}' NOT NULL,
    said JSONB NOT NULL,
    edition TEXT NOT NULL,
    rev BIGINT NOT NULL,
    PRIMARY KEY (warning_id)
);
CREATE INDEX warning_open ON warning (warn, fired_at) WHERE ended_at IS NULL;
CREATE INDEX warning_township_code ON warning (township_code, fired_at);
CREATE TABLE warning_step (
    warning_id BIGINT NOT NULL,
    n INTEGER NOT NULL,
    township_code TEXT COLLATE "C",
    village_code TEXT COLLATE "C",
    grid_code TEXT COLLATE "C",
    enterprise_code TEXT COLLATE "C",
    committee TEXT COLLATE "C",
    action TEXT NOT NULL,
    state TEXT NOT NULL,
    person TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    note TEXT NOT NULL,
    rev BIGINT NOT NULL,
    PRIMARY KEY (warning_id, n)
);
CREATE TABLE delivery (
    delivery_id BIGINT NOT NULL,
    warning_id BIGINT NOT NULL,
    person TEXT NOT NULL,
    channel TEXT NOT NULL,
    reason TEXT NOT NULL,
    n INTEGER NOT NULL,
    township_code TEXT COLLATE "C",
    village_code TEXT COLLATE "C",
    grid_code TEXT COLLATE "C",
    enterprise_code TEXT COLLATE "C",
    committee TEXT COLLATE "C",
    audience TEXT NOT NULL,
    address TEXT NOT NULL,
    text TEXT NOT NULL,
    also BIGINT[] NOT NULL,
    state TEXT NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE,
    done_at TIMESTAMP WITH TIME ZONE,
    attempts INTEGER DEFAULT 0 NOT NULL,
    rev BIGINT NOT NULL,
    PRIMARY KEY (delivery_id),
    CONSTRAINT delivery_key UNIQUE (warning_id, person, channel, reason, n)
);
CREATE INDEX delivery_waiting ON delivery (next_at) WHERE state = 'waiting';
CREATE TABLE attempt (
    delivery_id BIGINT NOT NULL,
    n INTEGER NOT NULL,
    township_code TEXT COLLATE "C",
    village_code TEXT COLLATE "C",
    grid_code TEXT COLLATE "C",
    enterprise_code TEXT COLLATE "C",
    committee TEXT COLLATE "C",
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (delivery_id, n)
);
CREATE TABLE silence (
    code TEXT COLLATE "C" NOT NULL,
    author TEXT NOT NULL,
    reason TEXT NOT NULL,
    from_at TIMESTAMP WITH TIME ZONE NOT NULL,
    until_at TIMESTAMP WITH TIME ZONE NOT NULL,
    matchers JSONB NOT NULL,
    geom geometry(GEOMETRY,4490),
    geom_m geometry(GEOMETRY,:METRIC_SRID),
    rev BIGINT NOT NULL,
    PRIMARY KEY (code)
);
