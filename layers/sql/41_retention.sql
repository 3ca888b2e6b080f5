-- Old readings go; whatever results, warnings and the audit rest on stays.

CALL city_rows('pruned');

-- The readings of some revisions that no answer needs: those that arrived on the day they were taken and are neither
-- the first to arrive nor the last of the day of their sensor. Silence counts midnights after the last sign of a day, so
-- what is left of a day tells it for every instant and every revision exactly as all of it did. Late and post-dated
-- readings stay; so does every event that is no mere reading. Days are those of the city's clock.
CREATE OR REPLACE FUNCTION spare_readings(revs bigint[]) RETURNS TABLE (code text, rev bigint)
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT e.code, e.rev
  FROM revision v
  CROSS JOIN LATERAL (SELECT date_trunc('day', v.at, 'Asia/Shanghai') AS begins,
                             date_trunc('day', v.at, 'Asia/Shanghai') + interval '1 day' AS ends) day
  JOIN event e ON e.rev = v.rev
  WHERE v.rev = ANY (revs) AND e.kind = 'reading' AND e.sensor_code IS NOT NULL
    AND e.time >= day.begins AND e.time < day.ends
    AND EXISTS (SELECT FROM event first
                WHERE first.sensor_code = e.sensor_code AND first.time BETWEEN day.begins AND e.time
                  AND (first.rev, first.time, first.code) < (e.rev, e.time, e.code))
    AND EXISTS (SELECT FROM event last JOIN revision w ON w.rev = last.rev
                WHERE last.sensor_code = e.sensor_code AND last.time >= e.time AND last.time < day.ends
                  AND w.at < day.ends AND (last.time, last.code) > (e.time, e.code))
$$;

-- Takes the spare readings of some revisions, in this transaction's revision: each must still be as it was sealed, and
-- count and digest of what is left of it are sealed in its place. Returns how many went.
CREATE OR REPLACE FUNCTION prune_readings(revs bigint[]) RETURNS bigint
LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  this_rev bigint := nullif(current_setting('riskmap.rev', true), '')::bigint;
  broken bigint;
BEGIN
  CREATE TEMP TABLE spare ON COMMIT DROP AS SELECT * FROM spare_readings(revs);
  ANALYZE spare;
  SELECT s.rev INTO broken
  FROM sealed s, layer_digest(s.layer, s.op, s.rev, s.columns) found
  WHERE s.rev IN (SELECT rev FROM spare) AND s.layer = 'event' AND s.op = 'INSERT'
    AND (found.n, found.sha256) IS DISTINCT FROM (s.rows, s.sha256) LIMIT 1;
  IF broken IS NOT NULL THEN
    RAISE EXCEPTION 'events of revision % are not as they were written', broken
      USING HINT = 'nothing is taken from what the audit finds broken';
  END IF;
  PERFORM set_config('riskmap.pruning', 'on', true);
  DELETE FROM event e USING spare s WHERE e.code = s.code;
  PERFORM set_config('riskmap.pruning', '', true);
  DELETE FROM change c USING spare s WHERE c.rev = s.rev AND c.layer = 'event' AND c.code = s.code;
  INSERT INTO pruned (rev, pruned_rev, gone, rows, sha256)
    SELECT s.rev, this_rev, g.gone, left_over.n, left_over.sha256
    FROM (SELECT rev, count(*) AS gone FROM spare GROUP BY rev) g
    JOIN sealed s ON s.rev = g.rev AND s.layer = 'event' AND s.op = 'INSERT',
         layer_digest('event', 'INSERT', s.rev, s.columns) left_over;
  UPDATE revision SET detail = detail || (
    SELECT jsonb_build_object('layer', 'event', 'op', 'PRUNE', 'rows', d.n, 'sha256', d.sha256)
    FROM pruned_digest(this_rev) d) WHERE rev = this_rev;
  RETURN (SELECT count(*) FROM spare);
END $$;
REVOKE EXECUTE ON FUNCTION spare_readings(bigint[]), prune_readings(bigint[]) FROM PUBLIC;
