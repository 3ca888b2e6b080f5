-- The tables of the first release. Frozen: later changes are later migrations. :METRIC_SRID is filled in by the step.

CREATE TABLE account (
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  area_code TEXT COLLATE "C",
  enterprise_code TEXT COLLATE "C",
  committee TEXT,
  password_hash TEXT NOT NULL,
  enabled BOOLEAN DEFAULT true NOT NULL,
  failures INTEGER DEFAULT 0 NOT NULL,
  locked_until TIMESTAMP WITH TIME ZONE,
  rev BIGINT NOT NULL,
  PRIMARY KEY (name)
);

CREATE TABLE area (
  code TEXT COLLATE "C" NOT NULL,
  name TEXT NOT NULL,
  level TEXT NOT NULL,
  parent_code TEXT COLLATE "C",
  people DOUBLE PRECISION,
  members TEXT[] COLLATE "C",
  synthetic BOOLEAN,
  township_code TEXT COLLATE "C",
  village_code TEXT COLLATE "C",
  grid_code TEXT COLLATE "C",
  enterprise_code TEXT COLLATE "C",
  committee TEXT COLLATE "C",
  geom geometry(GEOMETRY,4490),
  geom_m geometry(GEOMETRY,:METRIC_SRID),
  valid_from DATE NOT NULL,
  rev BIGINT NOT NULL,
  CONSTRAINT area_pkey PRIMARY KEY (code),
  CONSTRAINT area_geom_valid CHECK (ST_IsValid(geom)),
  CONSTRAINT area_geom_m_valid CHECK (ST_IsValid(geom_m))
);

CREATE INDEX area_enterprise_code ON area (enterprise_code);
CREATE INDEX area_geom ON area USING gist (geom);
CREATE INDEX area_geom_m ON area USING gist (geom_m);
CREATE INDEX area_township_code ON area (township_code);
CREATE TABLE area_past (
  code TEXT COLLATE "C" NOT NULL,
  name TEXT NOT NULL,
  level TEXT NOT NULL,
  parent_code TEXT COLLATE "C",
  people DOUBLE PRECISION,
  members TEXT[] COLLATE "C",
  synthetic BOOLEAN,
  township_code TEXT COLLATE "C",
  village_code TEXT COLLATE "C",
  grid_code TEXT COLLATE "C",
  enterprise_code TEXT COLLATE "C",
  committee TEXT COLLATE "C",
  geom geometry(GEOMETRY,4490),
  geom_m geometry(GEOMETRY,:METRIC_SRID),
  valid_from DATE NOT NULL,
  rev BIGINT NOT NULL,
  rev_to BIGINT NOT NULL,
  valid_to DATE NOT NULL,
  gone BOOLEAN DEFAULT false NOT NULL
);

CREATE INDEX area_past_code_rev ON area_past (code, rev);
CREATE INDEX area_past_geom ON area_past USING gist (geom);
CREATE INDEX area_past_geom_m ON area_past USING gist (geom_m);
CREATE TABLE change (
  rev BIGINT NOT NULL,
  layer TEXT NOT NULL,
  code TEXT COLLATE "C" NOT NULL,
  op TEXT NOT NULL,
  township_code TEXT COLLATE "C",
  village_code TEXT COLLATE "C",
  grid_code TEXT COLLATE "C",
  enterprise_code TEXT COLLATE "C",
  committee TEXT COLLATE "C",
  PRIMARY KEY (rev, layer, code)
);

CREATE TABLE city (
  one BOOLEAN DEFAULT true NOT NULL,
  code TEXT NOT NULL,
  name TEXT NOT NULL,
  metric_srid INTEGER NOT NULL,
  content JSONB NOT NULL,
  rev BIGINT NOT NULL,
  PRIMARY KEY (one),
  CONSTRAINT city_one CHECK (one)
);

CREATE TABLE colour (
  kind TEXT NOT NULL,
  code TEXT COLLATE "C" NOT NULL,
  level SMALLINT,
  base_level SMALLINT,
  rise_level SMALLINT,
  rev BIGINT NOT NULL,
  PRIMARY KEY (kind, code)
);

CREATE TABLE contribution (
  kind TEXT NOT NULL,
  code TEXT COLLATE "C" NOT NULL,
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
  CONSTRAINT contribution_pkey PRIMARY KEY (kind, code, n)
);

CREATE TABLE contribution_past (
  kind TEXT NOT NULL,
  code TEXT COLLATE "C" NOT NULL,
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
  rev_to BIGINT NOT NULL
);

CREATE INDEX contribution_past_code ON contribution_past (kind, code, rev_to);
CREATE TABLE danger (
  code TEXT COLLATE "C" NOT NULL,
  source_code TEXT COLLATE "C",
  enterprise_code TEXT COLLATE "C",
  place TEXT,
  declared_township_code TEXT COLLATE "C",
  found_by TEXT,
  grade TEXT NOT NULL,
  title TEXT NOT NULL,
  origin TEXT,
  found_on DATE NOT NULL,
  due_on DATE,
  extended_to DATE,
  listed_on DATE,
  status TEXT,
  closed_on DATE,
  synthetic BOOLEAN,
  township_code TEXT COLLATE "C",
  village_code TEXT COLLATE "C",
  grid_code TEXT COLLATE "C",
  committee TEXT COLLATE "C",
  geom geometry(GEOMETRY,4490),
  geom_m geometry(GEOMETRY,:METRIC_SRID),
  valid_from DATE NOT NULL,
  rev BIGINT NOT NULL,
  CONSTRAINT danger_pkey PRIMARY KEY (code),
  CONSTRAINT danger_geom_valid CHECK (ST_IsValid(geom)),
  CONSTRAINT danger_geom_m_valid CHECK (ST_IsValid(geom_m))
);

CREATE INDEX danger_enterprise_code ON danger (enterprise_code);
CREATE INDEX danger_geom ON danger USING gist (geom);
CREATE INDEX danger_geom_m ON danger USING gist (geom_m);
CREATE INDEX danger_source_code ON danger (source_code);
CREATE INDEX danger_township_code ON danger (township_code);
CREATE TABLE danger_past (
  code TEXT COLLATE "C" NOT NULL,
  source_code TEXT COLLATE "C",
  enterprise_code TEXT COLLATE "C",
  place TEXT,
  declared_township_code TEXT COLLATE "C",
  found_by TEXT,
  grade TEXT NOT NULL,
  title TEXT NOT NULL,
  origin TEXT,
  found_on DATE NOT NULL,
  due_on DATE,
  extended_to DATE,
  listed_on DATE,
  status TEXT,
  closed_on DATE,
  synthetic BOOLEAN,
  township_code TEXT COLLATE "C",
  village_code TEXT COLLATE "C",
  grid_code TEXT COLLATE "C",
  committee TEXT COLLATE "C",
  geom geometry(GEOMETRY,4490),
  geom_m geometry(GEOMETRY,:METRIC_SRID),
  valid_from DATE NOT NULL,
  rev BIGINT NOT NULL,
  rev_to BIGINT NOT NULL,
  valid_to DATE NOT NULL,
  gone BOOLEAN DEFAULT false NOT NULL
);

CREATE INDEX danger_past_code_rev ON danger_past (code, rev);
CREATE INDEX danger_past_geom ON danger_past USING gist (geom);
CREATE INDEX danger_past_geom_m ON danger_past USING gist (geom_m);
CREATE TABLE duty (
  code TEXT COLLATE "C" NOT NULL,
  person TEXT NOT NULL,
  role TEXT NOT NULL,
  object_layer TEXT NOT NULL,
  object_code TEXT COLLATE "C" NOT NULL,
  phone TEXT,
  from_on DATE,
  to_on DATE,
  deputy_code TEXT COLLATE "C",
  synthetic BOOLEAN,
  township_code TEXT COLLATE "C",
  village_code TEXT COLLATE "C",
  grid_code TEXT COLLATE "C",
  enterprise_code TEXT COLLATE "C",
  committee TEXT COLLATE "C",
  valid_from DATE NOT NULL,
  rev BIGINT NOT NULL,
  CONSTRAINT duty_pkey PRIMARY KEY (code)
);

CREATE INDEX duty_enterprise_code ON duty (enterprise_code);
CREATE INDEX duty_township_code ON duty (township_code);
CREATE TABLE duty_past (
  code TEXT COLLATE "C" NOT NULL,
  person TEXT NOT NULL,
  role TEXT NOT NULL,
  object_layer TEXT NOT NULL,
  object_code TEXT COLLATE "C" NOT NULL,
  phone TEXT,
  from_on DATE,
  to_on DATE,
  deputy_code TEXT COLLATE "C",
  synthetic BOOLEAN,
  township_code TEXT COLLATE "C",
  village_code TEXT COLLATE "C",
  grid_code TEXT COLLATE "C",
  enterprise_code TEXT COLLATE "C",
  committee TEXT COLLATE "C",
  valid_from DATE NOT NULL,
  rev BIGINT NOT NULL,
  rev_to BIGINT NOT NULL,
  valid_to DATE NOT NULL,
  gone BOOLEAN DEFAULT false NOT NULL
);

CREATE INDEX duty_past_code_rev ON duty_past (code, rev);
CREATE TABLE edition (
  name TEXT NOT NULL,
  effective_from DATE NOT NULL,
  approved_by TEXT,
  approved_on DATE,
  content JSONB NOT NULL,
  hash BYTEA NOT NULL,
  rev BIGINT NOT NULL,
  PRIMARY KEY (name)
);

CREATE TABLE enterprise (
  code TEXT COLLATE "C" NOT NULL,
  name TEXT NOT NULL,
  status TEXT,
  opened_on DATE,
  closed_on DATE,
  industry TEXT,
  business_format TEXT,
  committee TEXT,
  workers INTEGER,
  declared_township_code TEXT COLLATE "C",
  park_code TEXT COLLATE "C",
  legal_representative TEXT,
  actual_controller TEXT,
  dept_industry TEXT,
  person_industry TEXT,
  dept_special TEXT,
  person_special TEXT,
  dept_general TEXT,
  person_general TEXT,
  synthetic BOOLEAN,
  township_code TEXT COLLATE "C",
  village_code TEXT COLLATE "C",
  grid_code TEXT COLLATE "C",
  enterprise_code TEXT COLLATE "C",
  geom geometry(GEOMETRY,4490) NOT NULL,
  geom_m geometry(GEOMETRY,:METRIC_SRID) NOT NULL,
  valid_from DATE NOT NULL,
  rev BIGINT NOT NULL,
  CONSTRAINT enterprise_pkey PRIMARY KEY (code),
  CONSTRAINT enterprise_geom_valid CHECK (ST_IsValid(geom)),
  CONSTRAINT enterprise_geom_m_valid CHECK (ST_IsValid(geom_m))
);

CREATE INDEX enterprise_enterprise_code ON enterprise (enterprise_code);
CREATE INDEX enterprise_geom ON enterprise USING gist (geom);
CREATE INDEX enterprise_geom_m ON enterprise USING gist (geom_m);
CREATE INDEX enterprise_township_code ON enterprise (township_code);
CREATE TABLE enterprise_past (
  code TEXT COLLATE "C" NOT NULL,
  name TEXT NOT NULL,
  status TEXT,
  opened_on DATE,
  closed_on DATE,
  industry TEXT,
  business_format TEXT,
  committee TEXT,
  workers INTEGER,
  declared_township_code TEXT COLLATE "C",
  park_code TEXT COLLATE "C",
  legal_representative TEXT,
  actual_controller TEXT,
  dept_industry TEXT,
  person_industry TEXT,
  dept_special TEXT,
  person_special TEXT,
  dept_general TEXT,
  person_general TEXT,
  synthetic BOOLEAN,
  township_code TEXT COLLATE "C",
  village_code TEXT COLLATE "C",
  grid_code TEXT COLLATE "C",
  enterprise_code TEXT COLLATE "C",
  geom geometry(GEOMETRY,4490) NOT NULL,
  geom_m geometry(GEOMETRY,:METRIC_SRID) NOT NULL,
  valid_from DATE NOT NULL,
  rev BIGINT NOT NULL,
  rev_to BIGINT NOT NULL,
  valid_to DATE NOT NULL,
  gone BOOLEAN DEFAULT false NOT NULL
);

CREATE INDEX enterprise_past_code_rev ON enterprise_past (code, rev);
CREATE INDEX enterprise_past_geom ON enterprise_past USING gist (geom);
CREATE INDEX enterprise_past_geom_m ON enterprise_past USING gist (geom_m);
CREATE TABLE event (
  code TEXT COLLATE "C" NOT NULL,
  kind TEXT NOT NULL,
  severity TEXT,
  source_code TEXT COLLATE "C",
  sensor_code TEXT COLLATE "C",
  value DOUBLE PRECISION,
  unit TEXT,
  time TIMESTAMP WITH TIME ZONE NOT NULL,
  until TIMESTAMP WITH TIME ZONE,
  synthetic BOOLEAN,
  township_code TEXT COLLATE "C",
  village_code TEXT COLLATE "C",
  grid_code TEXT COLLATE "C",
  enterprise_code TEXT COLLATE "C",
  committee TEXT COLLATE "C",
  geom geometry(GEOMETRY,4490),
  geom_m geometry(GEOMETRY,:METRIC_SRID),
  valid_from DATE NOT NULL,
  rev BIGINT NOT NULL,
  CONSTRAINT event_pkey PRIMARY KEY (code),
  CONSTRAINT event_geom_valid CHECK (ST_IsValid(geom)),
  CONSTRAINT event_geom_m_valid CHECK (ST_IsValid(geom_m))
);

CREATE INDEX event_enterprise_code ON event (enterprise_code);
CREATE INDEX event_geom ON event USING gist (geom);
CREATE INDEX event_geom_m ON event USING gist (geom_m);
CREATE INDEX event_source_code ON event (source_code);
CREATE INDEX event_township_code ON event (township_code);
CREATE TABLE head (
  one BOOLEAN DEFAULT true NOT NULL,
  rev BIGINT NOT NULL,
  hash BYTEA NOT NULL,
  PRIMARY KEY (one),
  CONSTRAINT head_one CHECK (one)
);

CREATE TABLE inventory (
  code TEXT COLLATE "C" NOT NULL,
  source_code TEXT COLLATE "C" NOT NULL,
  cas TEXT,
  substance TEXT,
  hazard_class TEXT,
  quantity_t NUMERIC NOT NULL,
  unit_code TEXT COLLATE "C",
  as_of DATE,
  synthetic BOOLEAN,
  township_code TEXT COLLATE "C",
  village_code TEXT COLLATE "C",
  grid_code TEXT COLLATE "C",
  enterprise_code TEXT COLLATE "C",
  committee TEXT COLLATE "C",
  valid_from DATE NOT NULL,
  rev BIGINT NOT NULL,
  CONSTRAINT inventory_pkey PRIMARY KEY (code)
);

CREATE INDEX inventory_enterprise_code ON inventory (enterprise_code);
CREATE INDEX inventory_source_code ON inventory (source_code);
CREATE INDEX inventory_township_code ON inventory (township_code);
CREATE TABLE inventory_past (
  code TEXT COLLATE "C" NOT NULL,
  source_code TEXT COLLATE "C" NOT NULL,
  cas TEXT,
  substance TEXT,
  hazard_class TEXT,
  quantity_t NUMERIC NOT NULL,
  unit_code TEXT COLLATE "C",
  as_of DATE,
  synthetic BOOLEAN,
  township_code TEXT COLLATE "C",
  village_code TEXT COLLATE "C",
  grid_code TEXT COLLATE "C",
  enterprise_code TEXT COLLATE "C",
  committee TEXT COLLATE "C",
  valid_from DATE NOT NULL,
  rev BIGINT NOT NULL,
  rev_to BIGINT NOT NULL,
  valid_to DATE NOT NULL,
  gone BOOLEAN DEFAULT false NOT NULL
);

CREATE INDEX inventory_past_code_rev ON inventory_past (code, rev);
CREATE TABLE line (
  code TEXT COLLATE "C" NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  rank INTEGER,
  declared_township_code TEXT COLLATE "C",
  synthetic BOOLEAN,
  township_code TEXT COLLATE "C",
  village_code TEXT COLLATE "C",
  grid_code TEXT COLLATE "C",
  enterprise_code TEXT COLLATE "C",
  committee TEXT COLLATE "C",
  geom geometry(GEOMETRY,4490) NOT NULL,
  geom_m geometry(GEOMETRY,:METRIC_SRID) NOT NULL,
  valid_from DATE NOT NULL,
  rev BIGINT NOT NULL,
  CONSTRAINT line_pkey PRIMARY KEY (code),
  CONSTRAINT line_geom_valid CHECK (ST_IsValid(geom)),
  CONSTRAINT line_geom_m_valid CHECK (ST_IsValid(geom_m))
);

CREATE INDEX line_enterprise_code ON line (enterprise_code);
CREATE INDEX line_geom ON line USING gist (geom);
CREATE INDEX line_geom_m ON line USING gist (geom_m);
CREATE INDEX line_township_code ON line (township_code);
CREATE TABLE line_past (
  code TEXT COLLATE "C" NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  rank INTEGER,
  declared_township_code TEXT COLLATE "C",
  synthetic BOOLEAN,
  township_code TEXT COLLATE "C",
  village_code TEXT COLLATE "C",
  grid_code TEXT COLLATE "C",
  enterprise_code TEXT COLLATE "C",
  committee TEXT COLLATE "C",
  geom geometry(GEOMETRY,4490) NOT NULL,
  geom_m geometry(GEOMETRY,:METRIC_SRID) NOT NULL,
  valid_from DATE NOT NULL,
  rev BIGINT NOT NULL,
  rev_to BIGINT NOT NULL,
  valid_to DATE NOT NULL,
  gone BOOLEAN DEFAULT false NOT NULL
);

CREATE INDEX line_past_code_rev ON line_past (code, rev);
CREATE INDEX line_past_geom ON line_past USING gist (geom);
CREATE INDEX line_past_geom_m ON line_past USING gist (geom_m);
CREATE TABLE population (
  code TEXT COLLATE "C" NOT NULL,
  people DOUBLE PRECISION NOT NULL,
  people_day DOUBLE PRECISION,
  vulnerable BOOLEAN,
  rescue_min INTEGER,
  declared_township_code TEXT COLLATE "C",
  synthetic BOOLEAN,
  township_code TEXT COLLATE "C",
  village_code TEXT COLLATE "C",
  grid_code TEXT COLLATE "C",
  enterprise_code TEXT COLLATE "C",
  committee TEXT COLLATE "C",
  geom geometry(GEOMETRY,4490) NOT NULL,
  geom_m geometry(GEOMETRY,:METRIC_SRID) NOT NULL,
  valid_from DATE NOT NULL,
  rev BIGINT NOT NULL,
  CONSTRAINT population_pkey PRIMARY KEY (code),
  CONSTRAINT population_geom_valid CHECK (ST_IsValid(geom)),
  CONSTRAINT population_geom_m_valid CHECK (ST_IsValid(geom_m))
);

CREATE INDEX population_enterprise_code ON population (enterprise_code);
CREATE INDEX population_geom ON population USING gist (geom);
CREATE INDEX population_geom_m ON population USING gist (geom_m);
CREATE INDEX population_township_code ON population (township_code);
CREATE TABLE population_past (
  code TEXT COLLATE "C" NOT NULL,
  people DOUBLE PRECISION NOT NULL,
  people_day DOUBLE PRECISION,
  vulnerable BOOLEAN,
  rescue_min INTEGER,
  declared_township_code TEXT COLLATE "C",
  synthetic BOOLEAN,
  township_code TEXT COLLATE "C",
  village_code TEXT COLLATE "C",
  grid_code TEXT COLLATE "C",
  enterprise_code TEXT COLLATE "C",
  committee TEXT COLLATE "C",
  geom geometry(GEOMETRY,4490) NOT NULL,
  geom_m geometry(GEOMETRY,:METRIC_SRID) NOT NULL,
  valid_from DATE NOT NULL,
  rev BIGINT NOT NULL,
  rev_to BIGINT NOT NULL,
  valid_to DATE NOT NULL,
  gone BOOLEAN DEFAULT false NOT NULL
);

CREATE INDEX population_past_code_rev ON population_past (code, rev);
CREATE INDEX population_past_geom ON population_past USING gist (geom);
CREATE INDEX population_past_geom_m ON population_past USING gist (geom_m);
CREATE TABLE resource (
  code TEXT COLLATE "C" NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  capacity TEXT,
  phone TEXT,
  declared_township_code TEXT COLLATE "C",
  synthetic BOOLEAN,
  township_code TEXT COLLATE "C",
  village_code TEXT COLLATE "C",
  grid_code TEXT COLLATE "C",
  enterprise_code TEXT COLLATE "C",
  committee TEXT COLLATE "C",
  geom geometry(GEOMETRY,4490) NOT NULL,
  geom_m geometry(GEOMETRY,:METRIC_SRID) NOT NULL,
  valid_from DATE NOT NULL,
  rev BIGINT NOT NULL,
  CONSTRAINT resource_pkey PRIMARY KEY (code),
  CONSTRAINT resource_geom_valid CHECK (ST_IsValid(geom)),
  CONSTRAINT resource_geom_m_valid CHECK (ST_IsValid(geom_m))
);

CREATE INDEX resource_enterprise_code ON resource (enterprise_code);
CREATE INDEX resource_geom ON resource USING gist (geom);
CREATE INDEX resource_geom_m ON resource USING gist (geom_m);
CREATE INDEX resource_township_code ON resource (township_code);
CREATE TABLE resource_past (
  code TEXT COLLATE "C" NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  capacity TEXT,
  phone TEXT,
  declared_township_code TEXT COLLATE "C",
  synthetic BOOLEAN,
  township_code TEXT COLLATE "C",
  village_code TEXT COLLATE "C",
  grid_code TEXT COLLATE "C",
  enterprise_code TEXT COLLATE "C",
  committee TEXT COLLATE "C",
  geom geometry(GEOMETRY,4490) NOT NULL,
  geom_m geometry(GEOMETRY,:METRIC_SRID) NOT NULL,
  valid_from DATE NOT NULL,
  rev BIGINT NOT NULL,
  rev_to BIGINT NOT NULL,
  valid_to DATE NOT NULL,
  gone BOOLEAN DEFAULT false NOT NULL
);

CREATE INDEX resource_past_code_rev ON resource_past (code, rev);
CREATE INDEX resource_past_geom ON resource_past USING gist (geom);
CREATE INDEX resource_past_geom_m ON resource_past USING gist (geom_m);
CREATE TABLE revision (
  rev BIGINT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  actor TEXT NOT NULL,
  job TEXT NOT NULL,
  reason TEXT,
  detail JSONB DEFAULT '[]' NOT NULL,
  prev BYTEA NOT NULL,
  hash BYTEA DEFAULT '' NOT NULL,
  PRIMARY KEY (rev)
);

CREATE INDEX revision_at ON revision (at);
CREATE TABLE run (
  run_id BIGINT NOT NULL,
  rev BIGINT NOT NULL,
  known_rev BIGINT NOT NULL,
  data_time TIMESTAMP WITH TIME ZONE NOT NULL,
  edition TEXT NOT NULL,
  code_version TEXT NOT NULL,
  full_run BOOLEAN NOT NULL,
  current BOOLEAN NOT NULL,
  duration_s DOUBLE PRECISION,
  counts JSONB NOT NULL,
  result_hash BYTEA NOT NULL,
  PRIMARY KEY (run_id)
);

CREATE TABLE score (
  kind TEXT NOT NULL,
  code TEXT COLLATE "C" NOT NULL,
  township_code TEXT COLLATE "C",
  village_code TEXT COLLATE "C",
  grid_code TEXT COLLATE "C",
  enterprise_code TEXT COLLATE "C",
  committee TEXT COLLATE "C",
  score BIGINT,
  base BIGINT,
  level SMALLINT,
  base_level SMALLINT,
  rise_level SMALLINT,
  grade SMALLINT,
  confidence TEXT,
  facts JSONB DEFAULT '{}' NOT NULL,
  rev BIGINT NOT NULL,
  CONSTRAINT score_pkey PRIMARY KEY (kind, code)
)
 PARTITION BY LIST (kind);

CREATE TABLE score_source PARTITION OF score FOR VALUES IN ('source') WITH (fillfactor = 80);
CREATE TABLE score_enterprise PARTITION OF score FOR VALUES IN ('enterprise') WITH (fillfactor = 80);
CREATE TABLE score_place PARTITION OF score FOR VALUES IN ('place') WITH (fillfactor = 80);
CREATE TABLE score_grid PARTITION OF score FOR VALUES IN ('grid') WITH (fillfactor = 80);
CREATE TABLE score_village PARTITION OF score FOR VALUES IN ('village') WITH (fillfactor = 80);
CREATE TABLE score_township PARTITION OF score FOR VALUES IN ('township') WITH (fillfactor = 80);
CREATE TABLE score_city PARTITION OF score FOR VALUES IN ('city') WITH (fillfactor = 80);
CREATE TABLE score_overlay PARTITION OF score FOR VALUES IN ('overlay') WITH (fillfactor = 80);
CREATE INDEX score_by_township ON score (township_code);
CREATE TABLE score_past (
  kind TEXT NOT NULL,
  code TEXT COLLATE "C" NOT NULL,
  township_code TEXT COLLATE "C",
  village_code TEXT COLLATE "C",
  grid_code TEXT COLLATE "C",
  enterprise_code TEXT COLLATE "C",
  committee TEXT COLLATE "C",
  score BIGINT,
  base BIGINT,
  level SMALLINT,
  base_level SMALLINT,
  rise_level SMALLINT,
  grade SMALLINT,
  confidence TEXT,
  facts JSONB DEFAULT '{}' NOT NULL,
  rev BIGINT NOT NULL,
  rev_to BIGINT NOT NULL
);

CREATE INDEX score_past_code ON score_past (kind, code, rev_to);
CREATE TABLE sensor (
  code TEXT COLLATE "C" NOT NULL,
  source_code TEXT COLLATE "C" NOT NULL,
  kind TEXT NOT NULL,
  unit TEXT NOT NULL,
  low DOUBLE PRECISION,
  high DOUBLE PRECISION,
  interval_s INTEGER,
  synthetic BOOLEAN,
  township_code TEXT COLLATE "C",
  village_code TEXT COLLATE "C",
  grid_code TEXT COLLATE "C",
  enterprise_code TEXT COLLATE "C",
  committee TEXT COLLATE "C",
  valid_from DATE NOT NULL,
  rev BIGINT NOT NULL,
  CONSTRAINT sensor_pkey PRIMARY KEY (code)
);

CREATE INDEX sensor_enterprise_code ON sensor (enterprise_code);
CREATE INDEX sensor_source_code ON sensor (source_code);
CREATE INDEX sensor_township_code ON sensor (township_code);
CREATE TABLE sensor_past (
  code TEXT COLLATE "C" NOT NULL,
  source_code TEXT COLLATE "C" NOT NULL,
  kind TEXT NOT NULL,
  unit TEXT NOT NULL,
  low DOUBLE PRECISION,
  high DOUBLE PRECISION,
  interval_s INTEGER,
  synthetic BOOLEAN,
  township_code TEXT COLLATE "C",
  village_code TEXT COLLATE "C",
  grid_code TEXT COLLATE "C",
  enterprise_code TEXT COLLATE "C",
  committee TEXT COLLATE "C",
  valid_from DATE NOT NULL,
  rev BIGINT NOT NULL,
  rev_to BIGINT NOT NULL,
  valid_to DATE NOT NULL,
  gone BOOLEAN DEFAULT false NOT NULL
);

CREATE INDEX sensor_past_code_rev ON sensor_past (code, rev);
CREATE TABLE session (
  token_hash BYTEA NOT NULL,
  name TEXT NOT NULL,
  csrf TEXT NOT NULL,
  kind TEXT NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  PRIMARY KEY (token_hash)
);

CREATE INDEX session_name ON session (name);
CREATE TABLE source (
  code TEXT COLLATE "C" NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  status TEXT,
  opened_on DATE,
  closed_on DATE,
  enterprise_code TEXT COLLATE "C",
  unit_type TEXT,
  assessed_on DATE,
  filed_on DATE,
  cancelled_on DATE,
  declared_township_code TEXT COLLATE "C",
  synthetic BOOLEAN,
  township_code TEXT COLLATE "C",
  village_code TEXT COLLATE "C",
  grid_code TEXT COLLATE "C",
  committee TEXT COLLATE "C",
  geom geometry(GEOMETRY,4490) NOT NULL,
  geom_m geometry(GEOMETRY,:METRIC_SRID) NOT NULL,
  valid_from DATE NOT NULL,
  rev BIGINT NOT NULL,
  CONSTRAINT source_pkey PRIMARY KEY (code),
  CONSTRAINT source_geom_valid CHECK (ST_IsValid(geom)),
  CONSTRAINT source_geom_m_valid CHECK (ST_IsValid(geom_m))
);

CREATE INDEX source_enterprise_code ON source (enterprise_code);
CREATE INDEX source_geom ON source USING gist (geom);
CREATE INDEX source_geom_m ON source USING gist (geom_m);
CREATE INDEX source_township_code ON source (township_code);
CREATE TABLE source_past (
  code TEXT COLLATE "C" NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  status TEXT,
  opened_on DATE,
  closed_on DATE,
  enterprise_code TEXT COLLATE "C",
  unit_type TEXT,
  assessed_on DATE,
  filed_on DATE,
  cancelled_on DATE,
  declared_township_code TEXT COLLATE "C",
  synthetic BOOLEAN,
  township_code TEXT COLLATE "C",
  village_code TEXT COLLATE "C",
  grid_code TEXT COLLATE "C",
  committee TEXT COLLATE "C",
  geom geometry(GEOMETRY,4490) NOT NULL,
  geom_m geometry(GEOMETRY,:METRIC_SRID) NOT NULL,
  valid_from DATE NOT NULL,
  rev BIGINT NOT NULL,
  rev_to BIGINT NOT NULL,
  valid_to DATE NOT NULL,
  gone BOOLEAN DEFAULT false NOT NULL
);

CREATE INDEX source_past_code_rev ON source_past (code, rev);
CREATE INDEX source_past_geom ON source_past USING gist (geom);
CREATE INDEX source_past_geom_m ON source_past USING gist (geom_m);
CREATE TABLE target (
  code TEXT COLLATE "C" NOT NULL,
  name TEXT NOT NULL,
  target_class TEXT NOT NULL,
  kind TEXT,
  people_day DOUBLE PRECISION,
  people_night DOUBLE PRECISION,
  status TEXT,
  declared_township_code TEXT COLLATE "C",
  synthetic BOOLEAN,
  township_code TEXT COLLATE "C",
  village_code TEXT COLLATE "C",
  grid_code TEXT COLLATE "C",
  enterprise_code TEXT COLLATE "C",
  committee TEXT COLLATE "C",
  geom geometry(GEOMETRY,4490) NOT NULL,
  geom_m geometry(GEOMETRY,:METRIC_SRID) NOT NULL,
  valid_from DATE NOT NULL,
  rev BIGINT NOT NULL,
  CONSTRAINT target_pkey PRIMARY KEY (code),
  CONSTRAINT target_geom_valid CHECK (ST_IsValid(geom)),
  CONSTRAINT target_geom_m_valid CHECK (ST_IsValid(geom_m))
);

CREATE INDEX target_enterprise_code ON target (enterprise_code);
CREATE INDEX target_geom ON target USING gist (geom);
CREATE INDEX target_geom_m ON target USING gist (geom_m);
CREATE INDEX target_township_code ON target (township_code);
CREATE TABLE target_past (
  code TEXT COLLATE "C" NOT NULL,
  name TEXT NOT NULL,
  target_class TEXT NOT NULL,
  kind TEXT,
  people_day DOUBLE PRECISION,
  people_night DOUBLE PRECISION,
  status TEXT,
  declared_township_code TEXT COLLATE "C",
  synthetic BOOLEAN,
  township_code TEXT COLLATE "C",
  village_code TEXT COLLATE "C",
  grid_code TEXT COLLATE "C",
  enterprise_code TEXT COLLATE "C",
  committee TEXT COLLATE "C",
  geom geometry(GEOMETRY,4490) NOT NULL,
  geom_m geometry(GEOMETRY,:METRIC_SRID) NOT NULL,
  valid_from DATE NOT NULL,
  rev BIGINT NOT NULL,
  rev_to BIGINT NOT NULL,
  valid_to DATE NOT NULL,
  gone BOOLEAN DEFAULT false NOT NULL
);

CREATE INDEX target_past_code_rev ON target_past (code, rev);
CREATE INDEX target_past_geom ON target_past USING gist (geom);
CREATE INDEX target_past_geom_m ON target_past USING gist (geom_m);
CREATE TABLE zone_external (
  code TEXT COLLATE "C" NOT NULL,
  name TEXT NOT NULL,
  source_code TEXT COLLATE "C",
  kind TEXT NOT NULL,
  threshold TEXT,
  study TEXT,
  approved_on DATE,
  synthetic BOOLEAN,
  township_code TEXT COLLATE "C",
  village_code TEXT COLLATE "C",
  grid_code TEXT COLLATE "C",
  enterprise_code TEXT COLLATE "C",
  committee TEXT COLLATE "C",
  geom geometry(GEOMETRY,4490) NOT NULL,
  geom_m geometry(GEOMETRY,:METRIC_SRID) NOT NULL,
  valid_from DATE NOT NULL,
  rev BIGINT NOT NULL,
  CONSTRAINT zone_external_pkey PRIMARY KEY (code),
  CONSTRAINT zone_external_geom_valid CHECK (ST_IsValid(geom)),
  CONSTRAINT zone_external_geom_m_valid CHECK (ST_IsValid(geom_m))
);

CREATE INDEX zone_external_enterprise_code ON zone_external (enterprise_code);
CREATE INDEX zone_external_geom ON zone_external USING gist (geom);
CREATE INDEX zone_external_geom_m ON zone_external USING gist (geom_m);
CREATE INDEX zone_external_source_code ON zone_external (source_code);
CREATE INDEX zone_external_township_code ON zone_external (township_code);
CREATE TABLE zone_external_past (
  code TEXT COLLATE "C" NOT NULL,
  name TEXT NOT NULL,
  source_code TEXT COLLATE "C",
  kind TEXT NOT NULL,
  threshold TEXT,
  study TEXT,
  approved_on DATE,
  synthetic BOOLEAN,
  township_code TEXT COLLATE "C",
  village_code TEXT COLLATE "C",
  grid_code TEXT COLLATE "C",
  enterprise_code TEXT COLLATE "C",
  committee TEXT COLLATE "C",
  geom geometry(GEOMETRY,4490) NOT NULL,
  geom_m geometry(GEOMETRY,:METRIC_SRID) NOT NULL,
  valid_from DATE NOT NULL,
  rev BIGINT NOT NULL,
  rev_to BIGINT NOT NULL,
  valid_to DATE NOT NULL,
  gone BOOLEAN DEFAULT false NOT NULL
);

CREATE INDEX zone_external_past_code_rev ON zone_external_past (code, rev);
CREATE INDEX zone_external_past_geom ON zone_external_past USING gist (geom);
CREATE INDEX zone_external_past_geom_m ON zone_external_past USING gist (geom_m);
