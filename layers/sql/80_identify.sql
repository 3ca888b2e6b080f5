-- What lies at or near a position. SECURITY INVOKER: whoever asks sees its own rows. Every search writes `&&` out, so
-- the spatial index is used beside the row policies; distances are metres in the city's metric system. Whole tables are
-- never read (enable_seqscan = off): right after an import the planner has no statistics and would.

-- The column that says what kind of thing a record of a map layer is. Null where the layer is not on the map.
CREATE OR REPLACE FUNCTION mapped_kind(layer text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE layer WHEN 'enterprise' THEN 'industry' WHEN 'source' THEN 'kind' WHEN 'target' THEN 'target_class'
                    WHEN 'resource' THEN 'kind' END
$$;

-- The condition that keeps what is closed off the map; `r` is the record.
CREATE OR REPLACE FUNCTION mapped_rows(layer text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE layer WHEN 'resource' THEN 'true' ELSE 'r.status IS DISTINCT FROM ''closed''' END
$$;

-- Where the records of a map layer come from: `r` those that meet `near`, a condition on `r`, and `s` their results. Now,
-- or as of the moment that `query` names (`day`, `rev`, `computed`), as layers/history.py says it: of each record that
-- ever stood near the newest statement that reaches the day.
CREATE OR REPLACE FUNCTION mapped_from(layer text, near text, query json) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN query ->> 'day' IS NULL THEN format(
    '(SELECT * FROM %1$I r WHERE %2$s) r LEFT JOIN score s ON s.kind = %1$L AND s.code = r.code', layer, near)
  ELSE format($then$
    (SELECT * FROM (
       SELECT DISTINCT ON (a.code) a.* FROM %1$I a
       WHERE a.code IN (SELECT r.code FROM %1$I r WHERE %2$s) AND a.rev <= %3$s AND a.valid_from <= %4$L
         AND (a.rev_to > %3$s OR a.valid_to > %4$L)
       ORDER BY a.code, a.rev DESC, a.valid_from DESC) r WHERE NOT r.gone AND %2$s) r
    LEFT JOIN computed_score s ON s.computed_id = %5$s AND s.kind = %6$L AND s.code = r.code$then$,
    layer || '_all', near, (query ->> 'rev')::bigint, (query ->> 'day')::date, (query ->> 'computed')::bigint, layer)
  END
$$;

-- A longitude and latitude (CGCS2000) in the city's metric system; null before a city is set up.
CREATE OR REPLACE FUNCTION metric_point(lon float8, lat float8) RETURNS geometry
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT ST_Transform(ST_SetSRID(ST_MakePoint(lon, lat), 4490), (SELECT metric_srid FROM city))
$$;

-- What these functions tell has changed before: one that exists cannot change its columns.
DROP FUNCTION IF EXISTS nearest(text, float8, float8, float8, integer);
DROP FUNCTION IF EXISTS in_squares(text, float8, float8, integer, integer, float8, integer);
DROP FUNCTION IF EXISTS in_squares(text, float8, float8, integer, integer, float8, integer, text);
DROP FUNCTION IF EXISTS nearest(text, float8, float8, float8, integer, text[]);
DROP FUNCTION IF EXISTS in_squares(text, float8, float8, integer, integer, float8, integer, text, text[]);
DROP FUNCTION IF EXISTS areas_at(float8, float8);

-- The n records of one layer nearest to a position and at most max_m away, by distance; of `codes` only, where given;
-- as of the moment that `query` names, if any.
CREATE OR REPLACE FUNCTION nearest(layer text, lon float8, lat float8, max_m float8, n integer,
                                   codes text[] DEFAULT NULL, query json DEFAULT '{}')
RETURNS TABLE (code text, name text, kind text, level smallint, base_level smallint, rise_level smallint,
               grade smallint, synthetic boolean, distance_m float8, at_lon float8, at_lat float8)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  RETURN QUERY EXECUTE format($found$
    SELECT r.code, r.name, r.kind, r.level, r.base_level, r.rise_level, r.grade, r.synthetic, r.distance_m,
           ST_X(r.at), ST_Y(r.at)
    FROM (SELECT r.code, r.name, r.%I AS kind, s.level, s.base_level, s.rise_level, s.grade,
                 coalesce(r.synthetic, false) AS synthetic, r.geom_m <-> $1 AS distance_m, place_point(r.geom) AS at
          FROM %s WHERE %s ORDER BY r.geom_m <-> $1 LIMIT $3) r
    WHERE r.distance_m <= $2 ORDER BY r.distance_m, r.code$found$,
    mapped_kind(layer),
    mapped_from(layer, 'r.geom_m && ST_Expand($1, $2) AND ($4 IS NULL OR r.code = ANY ($4))', query),
    mapped_rows(layer)) USING metric_point(lon, lat), max_m, n, codes;
END $$;

-- The members of the squares (tile_records of 90_tiles.sql) whose drawn point lies within `reach` of a position, given
-- as a part of a tile's width: the n worst of them by the level that `worst` names, and in `total` how many there are.
-- What a ring on the map stands for; squares of `codes` only, where given; as of the moment that `query` names, if any.
CREATE OR REPLACE FUNCTION in_squares(layer text, lon float8, lat float8, z integer, cells integer, reach float8, n integer,
                                      worst text DEFAULT 'base_level', codes text[] DEFAULT NULL,
                                      query json DEFAULT '{}')
RETURNS TABLE (code text, name text, kind text, level smallint, base_level smallint, rise_level smallint,
               grade smallint, synthetic boolean, distance_m float8, at_lon float8, at_lat float8, total bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
  here geometry := ST_Transform(ST_SetSRID(ST_MakePoint(lon, lat), 4490), 3857);
  tile_m float8 := ST_XMax(ST_TileEnvelope(0, 0, 0)) * 2 / 2 ^ z;
  cell_m float8 := tile_m / cells;
  reach_m float8 := tile_m * reach;
  -- a square's point lies in it: whole squares up to the reach are enough
  box geometry := ST_Transform(ST_Intersection(ST_Expand(ST_TileEnvelope(0, 0, 0), -1), ST_MakeEnvelope(
    floor((ST_X(here) - reach_m) / cell_m) * cell_m, floor((ST_Y(here) - reach_m) / cell_m) * cell_m,
    ceil((ST_X(here) + reach_m) / cell_m) * cell_m, ceil((ST_Y(here) + reach_m) / cell_m) * cell_m, 3857)), 4490);
BEGIN
  RETURN QUERY EXECUTE format($found$
    WITH seen AS (
      SELECT r.code, r.name, r.%I AS kind, s.level, s.base_level, s.rise_level, s.grade,
             coalesce(r.synthetic, false) AS synthetic, r.geom_m, place_point(r.geom) AS at
      FROM %s WHERE %s
    ), squared AS (
      SELECT *, avg(ST_X(drawn)) OVER square AS x, avg(ST_Y(drawn)) OVER square AS y
      FROM (SELECT *, ST_Transform(at, 3857) AS drawn FROM seen) placed
      WINDOW square AS (PARTITION BY floor(ST_X(drawn) / $3), floor(ST_Y(drawn) / $3))
    )
    SELECT code, name, kind, level, base_level, rise_level, grade, synthetic, ST_Distance(geom_m, $5), ST_X(at),
           ST_Y(at), count(*) OVER ()
    FROM squared WHERE ST_Distance(ST_SetSRID(ST_MakePoint(x, y), 3857), $2) <= $4
    ORDER BY %I, 9, code LIMIT $6$found$,
    mapped_kind(layer), mapped_from(layer, 'r.geom && $1 AND ($7 IS NULL OR r.code = ANY ($7))', query),
    mapped_rows(layer), worst)
    USING box, here, cell_m, reach_m, metric_point(lon, lat), n, codes;
END $$;

-- The areas that hold a position, the finest first; names and colours are everyone's.
CREATE OR REPLACE FUNCTION areas_at(lon float8, lat float8)
RETURNS TABLE (code text, name text, kind text, level smallint, base_level smallint, rise_level smallint,
               synthetic boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan SET enable_seqscan = off AS $$
DECLARE
  here geometry := ST_SetSRID(ST_MakePoint(lon, lat), 4490);
BEGIN
  RETURN QUERY
    SELECT a.code, a.name, a.level, c.level, c.base_level, c.rise_level, coalesce(a.synthetic, false)
    FROM area a LEFT JOIN colour c ON c.kind = a.level AND c.code = a.code
    WHERE a.geom && here AND ST_Intersects(a.geom, here)
    ORDER BY array_position(ARRAY['grid', 'village', 'township', 'overlay', 'city'], a.level), a.code;
END $$;

REVOKE EXECUTE ON FUNCTION nearest(text, float8, float8, float8, integer, text[], json), areas_at(float8, float8),
  in_squares(text, float8, float8, integer, integer, float8, integer, text, text[], json) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION nearest(text, float8, float8, float8, integer, text[], json), areas_at(float8, float8),
  in_squares(text, float8, float8, integer, integer, float8, integer, text, text[], json)
  TO riskmap_city, riskmap_township, riskmap_village, riskmap_grid, riskmap_enterprise, riskmap_committee;
