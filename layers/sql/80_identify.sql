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

-- A longitude and latitude (CGCS2000) in the city's metric system; null before a city is set up.
CREATE OR REPLACE FUNCTION metric_point(lon float8, lat float8) RETURNS geometry
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT ST_Transform(ST_SetSRID(ST_MakePoint(lon, lat), 4490), (SELECT metric_srid FROM city))
$$;

-- The n records of one layer nearest to a position and at most max_m away, by distance.
CREATE OR REPLACE FUNCTION nearest(layer text, lon float8, lat float8, max_m float8, n integer)
RETURNS TABLE (code text, name text, kind text, level smallint, grade smallint, synthetic boolean,
               distance_m float8, at_lon float8, at_lat float8)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  RETURN QUERY EXECUTE format($found$
    SELECT r.code, r.name, r.kind, s.base_level, s.grade, r.synthetic, r.distance_m, ST_X(r.at), ST_Y(r.at)
    FROM (SELECT r.code, r.name, r.%I AS kind, coalesce(r.synthetic, false) AS synthetic,
                 r.geom_m <-> $1 AS distance_m, place_point(r.geom) AS at
          FROM %I r WHERE r.geom_m && ST_Expand($1, $2) AND %s
          ORDER BY r.geom_m <-> $1 LIMIT $3) r
    LEFT JOIN score s ON s.kind = %L AND s.code = r.code
    WHERE r.distance_m <= $2 ORDER BY r.distance_m, r.code$found$,
    mapped_kind(layer), layer, mapped_rows(layer), layer) USING metric_point(lon, lat), max_m, n;
END $$;

-- The areas that hold a position, the finest first; names and colours are everyone's.
CREATE OR REPLACE FUNCTION areas_at(lon float8, lat float8)
RETURNS TABLE (code text, name text, kind text, level smallint, synthetic boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan SET enable_seqscan = off AS $$
DECLARE
  here geometry := ST_SetSRID(ST_MakePoint(lon, lat), 4490);
BEGIN
  RETURN QUERY
    SELECT a.code, a.name, a.level, c.base_level, coalesce(a.synthetic, false)
    FROM area a LEFT JOIN colour c ON c.kind = a.level AND c.code = a.code
    WHERE a.geom && here AND ST_Intersects(a.geom, here)
    ORDER BY array_position(ARRAY['grid', 'village', 'township', 'overlay', 'city'], a.level), a.code;
END $$;

REVOKE EXECUTE ON FUNCTION nearest(text, float8, float8, float8, integer), areas_at(float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION nearest(text, float8, float8, float8, integer), areas_at(float8, float8)
  TO riskmap_city, riskmap_township, riskmap_village, riskmap_grid, riskmap_enterprise, riskmap_committee;
