-- Joint-control zones as of their first release: what a run leaves, its past, lineage, runs.
CREATE TABLE zone (
    code TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    township_code TEXT COLLATE "C",
    townships TEXT[] COLLATE "C" NOT NULL,
    villages TEXT[] COLLATE "C" NOT NULL,
    kinds TEXT[] NOT NULL,
    industries TEXT[] NOT NULL,
    formats TEXT[] NOT NULL,
    hazards TEXT[] NOT NULL,
    departments TEXT[] NOT NULL,
    member_count INTEGER NOT NULL,
    people INTEGER,
    lead_name TEXT,
    responsible TEXT NOT NULL,
    agreement TEXT NOT NULL,
    born_run BIGINT NOT NULL,
    score BIGINT,
    base BIGINT,
    level SMALLINT,
    base_level SMALLINT,
    rise_level SMALLINT,
    facts JSONB DEFAULT '{}' NOT NULL,
    hash BYTEA NOT NULL,
    geom geometry(GEOMETRY,4490) NOT NULL,
    geom_m geometry(GEOMETRY,:METRIC_SRID) NOT NULL,
    rev BIGINT NOT NULL,
    CONSTRAINT zone_pkey PRIMARY KEY (code)
);
CREATE INDEX zone_geom ON zone USING gist (geom);
CREATE TABLE zone_past (LIKE zone INCLUDING DEFAULTS, rev_to bigint NOT NULL);
CREATE INDEX zone_past_key ON zone_past (code, rev_to);
CREATE TABLE zone_member (
    zone_code TEXT COLLATE "C" NOT NULL,
    code TEXT COLLATE "C" NOT NULL,
    layer TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    township_code TEXT COLLATE "C",
    village_code TEXT COLLATE "C",
    grid_code TEXT COLLATE "C",
    enterprise_code TEXT COLLATE "C",
    committee TEXT COLLATE "C",
    industry TEXT,
    business_format TEXT,
    workers INTEGER,
    hazards TEXT[] NOT NULL,
    departments TEXT[] NOT NULL,
    score BIGINT,
    base BIGINT,
    level SMALLINT,
    domino_mm BIGINT NOT NULL,
    carries BOOLEAN NOT NULL,
    leads BOOLEAN NOT NULL,
    rev BIGINT NOT NULL,
    CONSTRAINT zone_member_pkey PRIMARY KEY (zone_code, code)
);
CREATE UNIQUE INDEX zone_member_code ON zone_member (code);
CREATE INDEX zone_member_township_code ON zone_member (township_code);
CREATE TABLE zone_member_past (LIKE zone_member INCLUDING DEFAULTS, rev_to bigint NOT NULL);
CREATE INDEX zone_member_past_key ON zone_member_past (zone_code, code, rev_to);
CREATE TABLE zone_line (
    zone_code TEXT COLLATE "C" NOT NULL,
    n INTEGER NOT NULL,
    township_code TEXT COLLATE "C",
    village_code TEXT COLLATE "C",
    grid_code TEXT COLLATE "C",
    enterprise_code TEXT COLLATE "C",
    committee TEXT COLLATE "C",
    item TEXT NOT NULL,
    record TEXT COLLATE "C",
    value BIGINT NOT NULL,
    args JSONB DEFAULT '{}' NOT NULL,
    rev BIGINT NOT NULL,
    CONSTRAINT zone_line_pkey PRIMARY KEY (zone_code, n)
);
CREATE TABLE zone_line_past (LIKE zone_line INCLUDING DEFAULTS, rev_to bigint NOT NULL);
CREATE INDEX zone_line_past_key ON zone_line_past (zone_code, n, rev_to);
CREATE TABLE zone_edge (
    kind SMALLINT NOT NULL,
    a TEXT COLLATE "C" NOT NULL,
    b TEXT COLLATE "C" NOT NULL,
    distance_mm BIGINT NOT NULL,
    cut SMALLINT NOT NULL,
    township_code TEXT COLLATE "C",
    village_code TEXT COLLATE "C",
    grid_code TEXT COLLATE "C",
    enterprise_code TEXT COLLATE "C",
    committee TEXT COLLATE "C",
    rev BIGINT NOT NULL,
    CONSTRAINT zone_edge_pkey PRIMARY KEY (kind, a, b)
);
CREATE INDEX zone_edge_a ON zone_edge (a);
CREATE INDEX zone_edge_b ON zone_edge (b);
CREATE TABLE zone_edge_past (LIKE zone_edge INCLUDING DEFAULTS, rev_to bigint NOT NULL);
CREATE INDEX zone_edge_past_key ON zone_edge_past (kind, a, b, rev_to);
CREATE TABLE zone_reach (
    code TEXT COLLATE "C" NOT NULL,
    township_code TEXT COLLATE "C",
    village_code TEXT COLLATE "C",
    grid_code TEXT COLLATE "C",
    enterprise_code TEXT COLLATE "C",
    committee TEXT COLLATE "C",
    reach_mm BIGINT NOT NULL,
    distances_m JSONB NOT NULL,
    rev BIGINT NOT NULL,
    CONSTRAINT zone_reach_pkey PRIMARY KEY (code)
);
CREATE TABLE zone_reach_past (LIKE zone_reach INCLUDING DEFAULTS, rev_to bigint NOT NULL);
CREATE INDEX zone_reach_past_key ON zone_reach_past (code, rev_to);
CREATE TABLE zone_event (
    run_id BIGINT NOT NULL,
    n INTEGER NOT NULL,
    zone_code TEXT COLLATE "C" NOT NULL,
    kind TEXT NOT NULL,
    other TEXT COLLATE "C",
    joined INTEGER NOT NULL,
    left_ INTEGER NOT NULL,
    agreement TEXT NOT NULL,
    rev BIGINT NOT NULL,
    CONSTRAINT zone_event_pkey PRIMARY KEY (run_id, n)
);
CREATE INDEX zone_event_rev ON zone_event (rev);
CREATE INDEX zone_event_zone ON zone_event (zone_code, run_id);
CREATE TABLE zone_event_site (
    run_id BIGINT NOT NULL,
    n INTEGER NOT NULL,
    zone_code TEXT COLLATE "C" NOT NULL,
    role TEXT NOT NULL,
    code TEXT COLLATE "C" NOT NULL,
    what TEXT NOT NULL,
    township_code TEXT COLLATE "C",
    village_code TEXT COLLATE "C",
    grid_code TEXT COLLATE "C",
    enterprise_code TEXT COLLATE "C",
    committee TEXT COLLATE "C",
    rev BIGINT NOT NULL,
    CONSTRAINT zone_event_site_pkey PRIMARY KEY (run_id, n, role, code, what)
);
CREATE INDEX zone_event_site_zone ON zone_event_site (zone_code, run_id);
CREATE TABLE zone_run (
    run_id BIGINT NOT NULL,
    rev BIGINT NOT NULL,
    known_rev BIGINT NOT NULL,
    of_run BIGINT,
    data_time TIMESTAMP WITH TIME ZONE NOT NULL,
    edition TEXT NOT NULL,
    code_version TEXT NOT NULL,
    edition_hash BYTEA NOT NULL,
    full_run BOOLEAN NOT NULL,
    duration_s DOUBLE PRECISION,
    counts JSONB NOT NULL,
    zones_hash BYTEA NOT NULL,
    PRIMARY KEY (run_id)
);
