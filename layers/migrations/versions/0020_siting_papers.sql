-- Opinion papers on proposed sites, and what of each is public.
CREATE TABLE siting_paper (
    number TEXT COLLATE "C" NOT NULL,
    year INTEGER NOT NULL,
    serial INTEGER NOT NULL,
    version INTEGER NOT NULL,
    replaces TEXT COLLATE "C",
    applicant TEXT NOT NULL,
    project_code TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    stage TEXT NOT NULL,
    verdict TEXT NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    made_by TEXT NOT NULL,
    valid_until DATE NOT NULL,
    known_rev BIGINT NOT NULL,
    edition TEXT NOT NULL,
    township_code TEXT COLLATE "C",
    enterprise_code TEXT COLLATE "C",
    uses JSONB NOT NULL,
    consequences JSONB NOT NULL,
    geom_m geometry(GEOMETRY,:METRIC_SRID) NOT NULL,
    data TEXT NOT NULL,
    sha256 BYTEA NOT NULL,
    rev BIGINT NOT NULL,
    PRIMARY KEY (number),
    CONSTRAINT siting_paper_serial UNIQUE (year, serial),
    CONSTRAINT siting_paper_replaced_once UNIQUE (replaces)
);
CREATE INDEX siting_paper_geom_m ON siting_paper USING gist (geom_m);
CREATE INDEX siting_paper_project ON siting_paper (project_code, made_at);
CREATE TABLE siting_notice (
    number TEXT COLLATE "C" NOT NULL,
    replaces TEXT COLLATE "C",
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    stage TEXT NOT NULL,
    township TEXT,
    area_m2 DOUBLE PRECISION NOT NULL,
    verdict TEXT NOT NULL,
    clause TEXT,
    filed_on DATE NOT NULL,
    valid_until DATE NOT NULL,
    edition TEXT NOT NULL,
    sha256 BYTEA NOT NULL,
    rev BIGINT NOT NULL,
    PRIMARY KEY (number)
);
