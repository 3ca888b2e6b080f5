-- Joint-control zones on the map, beside what 90_tiles.sql and 80_identify.sql tell of records. SECURITY INVOKER: whoever
-- asks sees the zones that its policies show.

-- The outlines under `zone`, one point each for the name under `zone_name`, the worst drawn last.
CREATE OR REPLACE FUNCTION tile_zone(z integer, x integer, y integer, query json DEFAULT '{}') RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan SET enable_seqscan = off AS $$
DECLARE
  tile geometry := ST_TileEnvelope(z, x, y);
  box geometry := tile_box(z, x, y, 0);
  made bytea;
BEGIN
  WITH near AS MATERIALIZED (
    SELECT r.code, r.name, r.member_count AS members, r.base_level, r.rise_level, r.geom
    FROM zone r WHERE r.geom && box ORDER BY r.base_level DESC NULLS FIRST, r.code
  )
  SELECT
    coalesce((SELECT ST_AsMVT(f, 'zone', 4096, 'geom') FROM (
      SELECT code, name, members, base_level, rise_level, tile_geom(geom, tile) AS geom FROM near) f
      WHERE geom IS NOT NULL), '') ||
    coalesce((SELECT ST_AsMVT(f, 'zone_name', 4096, 'geom') FROM (
      SELECT code, name, base_level, rise_level, tile_geom(ST_PointOnSurface(geom), tile) AS geom FROM near) f
      WHERE geom IS NOT NULL), '')
  INTO made;
  RETURN made;
END $$;

-- The zones whose outline holds a position, the worst first.
CREATE OR REPLACE FUNCTION zones_at(lon float8, lat float8)
RETURNS TABLE (code text, name text, members integer, level smallint, base_level smallint, rise_level smallint)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan SET enable_seqscan = off AS $$
DECLARE
  here geometry := ST_SetSRID(ST_MakePoint(lon, lat), 4490);
BEGIN
  RETURN QUERY
    SELECT r.code, r.name, r.member_count, r.level, r.base_level, r.rise_level FROM zone r
    WHERE r.geom && here AND ST_Intersects(r.geom, here) ORDER BY r.base_level NULLS LAST, r.code;
END $$;

REVOKE EXECUTE ON FUNCTION tile_zone(integer, integer, integer, json), zones_at(float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tile_zone(integer, integer, integer, json), zones_at(float8, float8)
  TO riskmap_city, riskmap_township, riskmap_village, riskmap_grid, riskmap_enterprise, riskmap_committee;
