-- History: one counter for every write. The row lock on `head` is the one writer queue, so revisions commit in order
-- and without gaps: who sees revision N sees everything up to N.
INSERT INTO head (one, rev, hash) VALUES (true, 0, '\x00') ON CONFLICT DO NOTHING;
ALTER TABLE head SET (fillfactor = 10, autovacuum_vacuum_threshold = 50, autovacuum_vacuum_scale_factor = 0);

-- Opens the revision of this transaction and returns its number. `riskmap.at` is set only by jobs that load history:
-- never later than the clock, never earlier than the revision before.
CREATE OR REPLACE FUNCTION open_revision(actor text, job text, reason text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  next_rev bigint;
  prev_hash bytea;
BEGIN
  UPDATE head SET rev = head.rev + 1 RETURNING head.rev, head.hash INTO next_rev, prev_hash;
  INSERT INTO revision (rev, at, actor, job, reason, detail, prev) VALUES (
    next_rev,
    greatest(
      least(nullif(current_setting('riskmap.at', true), '')::timestamptz, clock_timestamp()),
      (SELECT earlier.at FROM revision earlier WHERE earlier.rev = next_rev - 1)),
    actor, job, reason, '[]', prev_hash);
  PERFORM set_config('riskmap.rev', next_rev::text, true);
  RETURN next_rev;
END $$;
REVOKE EXECUTE ON FUNCTION open_revision(text, text, text) FROM PUBLIC;

-- What a revision's hash covers: everything about it, and the hash before it.
CREATE OR REPLACE FUNCTION revision_hash(v revision) RETURNS bytea LANGUAGE sql STABLE AS $$
  SELECT sha256(v.prev || convert_to(
    jsonb_build_array(v.rev, extract(epoch FROM v.at), v.actor, v.job, v.reason, v.detail)::text, 'UTF8'))
$$;

-- At commit: seals the revision into the chain and tells listeners its number, and nothing else.
CREATE OR REPLACE FUNCTION seal_revision() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  sealed bytea;
BEGIN
  UPDATE revision v SET hash = revision_hash(v) WHERE v.rev = new.rev RETURNING hash INTO sealed;
  UPDATE head SET hash = sealed;
  PERFORM pg_notify('riskmap', new.rev::text);
  RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS seal ON head;
CREATE CONSTRAINT TRIGGER seal AFTER UPDATE OF rev ON head DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION seal_revision();

-- Before every statement's end: the old rows go to `<table>_past`, the changed codes to `change`, count and digest of
-- the rows as written, and over how many columns, to the revision. Nested loops are off and plans are made fresh, because transition tables have
-- no statistics and a plan cached from an edit of one row takes 8 s over 10,000.
CREATE OR REPLACE FUNCTION keep_past() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET enable_nestloop = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  this_rev bigint := nullif(current_setting('riskmap.rev', true), '')::bigint;
  ends_on date := coalesce(nullif(current_setting('riskmap.valid_from', true), '')::date, current_date);
  past text := quote_ident(tg_table_name || '_past');
  names text := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
                 WHERE attrelid = tg_relid AND attnum > 0 AND NOT attisdropped);
  olds text := (SELECT string_agg('o.' || quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
                WHERE attrelid = tg_relid AND attnum > 0 AND NOT attisdropped);
  gones text := (SELECT string_agg(CASE attname WHEN 'rev' THEN '$1' WHEN 'valid_from' THEN '$2'
                                   ELSE 'o.' || quote_ident(attname) END, ', ' ORDER BY attnum) FROM pg_attribute
                 WHERE attrelid = tg_relid AND attnum > 0 AND NOT attisdropped);
  written text := CASE tg_op WHEN 'DELETE' THEN 'old_rows' ELSE 'new_rows' END;
  in_revision boolean := true;
  n bigint;
  digest text;
BEGIN
  IF tg_op <> 'DELETE' THEN
    SELECT NOT EXISTS (SELECT FROM new_rows WHERE rev IS DISTINCT FROM this_rev) INTO in_revision;
  END IF;
  IF this_rev IS NULL OR NOT in_revision THEN
    RAISE EXCEPTION 'write to % outside its revision', tg_table_name
      USING HINT = 'call open_revision() and set rev on every row';
  END IF;
  IF tg_op = 'DELETE' AND current_setting('riskmap.pruning', true) = 'on' THEN
    RETURN NULL;  -- old readings: prune_readings() of 41_retention.sql seals what it takes
  END IF;
  IF tg_op = 'UPDATE' THEN
    EXECUTE format('INSERT INTO %s (%s, rev_to, valid_to) SELECT %s, $1, n.valid_from
                    FROM old_rows o JOIN new_rows n USING (code) WHERE o.rev < $1', past, names, olds) USING this_rev;
  ELSIF tg_op = 'DELETE' THEN
    EXECUTE format('INSERT INTO %s (%s, rev_to, valid_to, gone) SELECT %s, $1, $2, false FROM old_rows o
                    WHERE o.rev < $1', past, names, olds) USING this_rev, ends_on;
    EXECUTE format('INSERT INTO %s (%s, rev_to, valid_to, gone) SELECT %s, 9223372036854775807, ''infinity'', true
                    FROM old_rows o', past, names, gones) USING this_rev, ends_on;
  END IF;
  EXECUTE format('SELECT count(*), encode(sha256(coalesce(string_agg(sha256(convert_to(t::text, ''UTF8'')), ''''
                  ORDER BY code), '''')), ''hex'') FROM %s t', written) INTO n, digest;
  IF n = 0 THEN
    RETURN NULL;
  END IF;
  IF (SELECT detail @> jsonb_build_array(jsonb_build_object('layer', tg_table_name, 'op', tg_op))
      FROM revision WHERE rev = this_rev) THEN
    RAISE EXCEPTION 'second % of % in one revision', tg_op, tg_table_name
      USING HINT = 'stage the rows and write each layer by one statement, or its digest could not be checked again';
  END IF;
  IF n <= 10000 THEN
    EXECUTE format('INSERT INTO change (rev, layer, code, op, township_code, village_code, grid_code,
                      enterprise_code, committee)
                    SELECT $1, $2, code, $3, township_code, village_code, grid_code, enterprise_code, committee
                    FROM %s ON CONFLICT DO NOTHING', written)
      USING this_rev, tg_table_name, left(tg_op, 1);
  ELSE
    INSERT INTO change (rev, layer, code, op) VALUES (this_rev, tg_table_name, '*', left(tg_op, 1))
      ON CONFLICT DO NOTHING;
  END IF;
  UPDATE revision SET detail = detail || jsonb_build_object(
    'layer', tg_table_name, 'op', tg_op, 'rows', n, 'sha256', digest, 'columns', (
      SELECT max(attnum) FROM pg_attribute WHERE attrelid = tg_relid AND NOT attisdropped)) WHERE rev = this_rev;
  RETURN NULL;
END $$;

-- Gives one layer its triggers and its view over now and past; an immutable one is never updated. Idempotent.
CREATE OR REPLACE PROCEDURE keep_history(layer text, immutable boolean) LANGUAGE plpgsql AS $$
DECLARE
  columns text := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
                   WHERE attrelid = layer::regclass AND attnum > 0 AND NOT attisdropped);
BEGIN
  EXECUTE format('CREATE OR REPLACE TRIGGER past_i AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows
                  FOR EACH STATEMENT EXECUTE FUNCTION keep_past()', layer);
  EXECUTE format('DROP VIEW IF EXISTS %I', layer || '_all');  -- a new column may stand in the middle
  IF NOT immutable THEN
    EXECUTE format('CREATE OR REPLACE TRIGGER past_u AFTER UPDATE ON %I REFERENCING OLD TABLE AS old_rows
                    NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION keep_past()', layer);
    EXECUTE format('ALTER TABLE %I SET (fillfactor = 85)', layer);
  END IF;
  EXECUTE format('CREATE OR REPLACE TRIGGER past_d AFTER DELETE ON %I REFERENCING OLD TABLE AS old_rows
                  FOR EACH STATEMENT EXECUTE FUNCTION keep_past()', layer);
  EXECUTE format('CREATE VIEW %I WITH (security_invoker = true) AS
    SELECT %s, 9223372036854775807 AS rev_to, ''infinity''::date AS valid_to, false AS gone FROM %I
    UNION ALL SELECT %s, rev_to, valid_to, gone FROM %I', layer || '_all', columns, layer, columns, layer || '_past');
END $$;

CREATE OR REPLACE VIEW score_all WITH (security_invoker = true) AS
  SELECT s.*, 9223372036854775807 AS rev_to FROM score s UNION ALL SELECT * FROM score_past;
CREATE OR REPLACE VIEW contribution_all WITH (security_invoker = true) AS
  SELECT c.*, 9223372036854775807 AS rev_to FROM contribution c UNION ALL SELECT * FROM contribution_past;

-- The last revision recorded by an instant, for everyone: a number and nothing of what was written.
CREATE OR REPLACE FUNCTION rev_at(instant timestamptz) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT coalesce((SELECT rev FROM revision WHERE at <= instant ORDER BY at DESC, rev DESC LIMIT 1), 0)
$$;

-- Whether nothing but events was written after a revision, for everyone: yes or no and nothing of what was written.
CREATE OR REPLACE FUNCTION only_events_since(since bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT NOT EXISTS (SELECT FROM revision WHERE rev > since
                     AND NOT (jsonb_array_length(detail) = 1 AND detail -> 0 ->> 'layer' = 'event'))
$$;
