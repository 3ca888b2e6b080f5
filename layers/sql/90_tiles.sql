-- Vector tiles: tile_<layer>(z, x, y, query), as Martin and pg_tileserv call them. SECURITY INVOKER, so row policies
-- decide what a tile holds. Whole tables are never read (enable_seqscan = off), statistics or none. No threshold stands
-- here: what depends on zoom comes in `query`.
--   codes                    the records drawn, where not all of them are (tile_source, tile_enterprise)
--   day, rev, computed       the moment of the past that records are drawn as of (tile_source, …)
--   aggregate_below, cells   below this zoom points are counted by `cells` × `cells` squares of a tile (tile_source, …)
--   levels, layer            area levels in order of preference, the first one found near the tile is drawn, and under
--                            which name (tile_area)
--   rank, places             the least important line drawn and the area levels named (tile_base)

-- The part of the earth whose rows a tile draws, in the stored system: the tile widened by 1/16 on each side, as much
-- as its buffer (256 of 4096), or symbols would be cut at its edges; by `margin_m` where a square is wider than that,
-- so that no square is counted in part. Kept off the antimeridian, where longitudes wrap.
CREATE OR REPLACE FUNCTION tile_box(z integer, x integer, y integer, margin_m float8) RETURNS geometry
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ST_Transform(ST_Intersection(
    ST_Expand(tile, greatest((ST_XMax(tile) - ST_XMin(tile)) / 16, margin_m)),
    ST_Expand(ST_TileEnvelope(0, 0, 0), -1)), 4490)
  FROM ST_TileEnvelope(z, x, y) tile
$$;

-- A position as drawn in a tile.
CREATE OR REPLACE FUNCTION tile_geom(geom geometry, tile geometry) RETURNS geometry
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ST_AsMVTGeom(ST_Transform(geom, 3857), tile, 4096, 256, true)
$$;

-- Records as points, one feature each with n = 1, and under `<layer>_site` the lines and polygons they stand for.
-- Each with `base_level` (inherent) and `rise_level` (what dynamic records add): the page colours by either.
-- Aggregated: one feature a square, at the mean of its points, with their number n, the worst of both levels, the
-- numbers base_1 … base_4 and rise_1 … rise_4 and the worst grade; a square with a single record carries its code, name
-- and kind too.
-- Squares divide the tile evenly, so each record is counted in exactly one tile of a zoom.
CREATE OR REPLACE FUNCTION tile_records(layer text, z integer, x integer, y integer, query json) RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
  tile geometry := ST_TileEnvelope(z, x, y);
  cell_m float8 := CASE WHEN z < (query ->> 'aggregate_below')::integer
                        THEN (ST_XMax(tile) - ST_XMin(tile)) / (query ->> 'cells')::integer END;
  box geometry := tile_box(z, x, y, coalesce(cell_m, 0));
  codes text[] := CASE WHEN query -> 'codes' IS NOT NULL
                       THEN ARRAY(SELECT json_array_elements_text(query -> 'codes')) END;
  origin text := mapped_from(
    layer, 'r.geom && $1' || CASE WHEN codes IS NULL THEN '' ELSE ' AND r.code = ANY ($4)' END, query);
  seen text := format($rows$
    SELECT r.code, r.name, r.%I AS kind, s.base_level, s.rise_level, s.grade,
           coalesce(r.synthetic, false) AS synthetic, ST_Transform(place_point(r.geom), 3857) AS at
    FROM %s WHERE %s$rows$, mapped_kind(layer), origin, mapped_rows(layer));
  numbers text := (
    SELECT string_agg(format('(count(*) FILTER (WHERE %1$s_level = %2$s))::integer AS %1$s_%2$s', scale, level), ', ')
    FROM unnest(ARRAY['base', 'rise']) scale, generate_series(1, 4) level);
  points bytea;
  sites bytea;
BEGIN
  IF cell_m IS NULL THEN
    EXECUTE format($made$
      SELECT ST_AsMVT(f, %L, 4096, 'geom') FROM (
        SELECT code, name, kind, base_level, rise_level, grade, synthetic, 1 AS n,
               ST_AsMVTGeom(at, $2, 4096, 256, true) AS geom
        FROM (%s) seen ORDER BY code) f WHERE geom IS NOT NULL$made$, layer, seen)
      INTO points USING box, tile, cell_m, codes;
    EXECUTE format($made$
      SELECT ST_AsMVT(f, %L, 4096, 'geom') FROM (
        SELECT r.code, s.base_level, s.rise_level, tile_geom(r.geom, $2) AS geom
        FROM %s WHERE ST_Dimension(r.geom) > 0 AND %s) f WHERE geom IS NOT NULL$made$,
      layer || '_site', origin, mapped_rows(layer))
      INTO sites USING box, tile, cell_m, codes;
  ELSE
    EXECUTE format($made$
      SELECT ST_AsMVT(f, %L, 4096, 'geom') FROM (
        SELECT count(*)::integer AS n, min(base_level) AS base_level, min(rise_level) AS rise_level,
               min(grade) AS grade, bool_and(synthetic) AS synthetic, %s,
               CASE count(*) WHEN 1 THEN min(code) END AS code, CASE count(*) WHEN 1 THEN min(name) END AS name,
               CASE count(*) WHEN 1 THEN min(kind) END AS kind,
               ST_AsMVTGeom(ST_SetSRID(ST_MakePoint(avg(ST_X(at)), avg(ST_Y(at))), 3857), $2, 4096, 256, true) AS geom
        FROM (%s) seen
        GROUP BY floor(ST_X(at) / $3), floor(ST_Y(at) / $3) ORDER BY count(*)) f WHERE geom IS NOT NULL$made$,
      layer, numbers, seen)
      INTO points USING box, tile, cell_m, codes;
  END IF;
  RETURN coalesce(sites, '') || coalesce(points, '');
END $$;

CREATE OR REPLACE FUNCTION tile_source(z integer, x integer, y integer, query json DEFAULT '{}') RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT tile_records('source', z, x, y, query) $$;

CREATE OR REPLACE FUNCTION tile_enterprise(z integer, x integer, y integer, query json DEFAULT '{}') RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT tile_records('enterprise', z, x, y, query) $$;

CREATE OR REPLACE FUNCTION tile_target(z integer, x integer, y integer, query json DEFAULT '{}') RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT tile_records('target', z, x, y, query) $$;

CREATE OR REPLACE FUNCTION tile_resource(z integer, x integer, y integer, query json DEFAULT '{}') RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT tile_records('resource', z, x, y, query) $$;

-- Areas with their colours: `area` holds the polygons of the finest wanted level found here, `area_name` one point each
-- for the name. Everyone signed in sees all of them.
CREATE OR REPLACE FUNCTION tile_area(z integer, x integer, y integer, query json DEFAULT '{}') RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan SET enable_seqscan = off AS $$
DECLARE
  tile geometry := ST_TileEnvelope(z, x, y);
  box geometry := tile_box(z, x, y, 0);
  wanted text[] := ARRAY(SELECT json_array_elements_text(coalesce(query -> 'levels', '["township"]')));
  layer text := coalesce(query ->> 'layer', 'area');
  made bytea;
BEGIN
  WITH near AS MATERIALIZED (
    SELECT a.code, a.name, a.level AS kind, c.base_level, c.rise_level, coalesce(a.synthetic, false) AS synthetic,
           a.geom
    FROM area a LEFT JOIN colour c ON c.kind = a.level AND c.code = a.code
    WHERE a.geom && box AND a.level = ANY (wanted)
  ), drawn AS (
    SELECT * FROM near WHERE kind = (SELECT kind FROM near ORDER BY array_position(wanted, kind) LIMIT 1)
  )
  SELECT
    coalesce((SELECT ST_AsMVT(f, layer, 4096, 'geom') FROM (
      SELECT code, name, kind, base_level, rise_level, synthetic, tile_geom(geom, tile) AS geom FROM drawn) f
      WHERE geom IS NOT NULL), '') ||
    coalesce((SELECT ST_AsMVT(f, layer || '_name', 4096, 'geom') FROM (
      SELECT code, name, kind, base_level, rise_level, tile_geom(ST_PointOnSurface(geom), tile) AS geom FROM drawn) f
      WHERE geom IS NOT NULL), '')
  INTO made;
  RETURN made;
END $$;

-- Parks and other functional areas, which lie over the others: `overlay` and `overlay_name`.
CREATE OR REPLACE FUNCTION tile_overlay(z integer, x integer, y integer, query json DEFAULT '{}') RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT tile_area(z, x, y, '{"levels": ["overlay"], "layer": "overlay"}')
$$;

-- The base map: `land` the city's ground, `border` its townships, `water` and `way` what layer `line` holds as polygons
-- and lines, `name` one point for each water and place.
CREATE OR REPLACE FUNCTION tile_base(z integer, x integer, y integer, query json DEFAULT '{}') RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan SET enable_seqscan = off AS $$
DECLARE
  tile geometry := ST_TileEnvelope(z, x, y);
  box geometry := tile_box(z, x, y, 0);
  least integer := (query ->> 'rank')::integer;
  places text[] := ARRAY(SELECT json_array_elements_text(query -> 'places'));
  made bytea;
BEGIN
  WITH ground AS MATERIALIZED (
    SELECT a.code, a.name, a.level AS kind, a.geom FROM area a
    WHERE a.geom && box AND a.level = ANY (ARRAY['city', 'township'] || places)
  ), lines AS MATERIALIZED (
    SELECT l.name, l.kind, coalesce(l.rank, 1) AS rank, l.geom FROM line l
    WHERE l.geom && box AND (least IS NULL OR coalesce(l.rank, 1) <= least)
  )
  SELECT
    coalesce((SELECT ST_AsMVT(f, 'land', 4096, 'geom') FROM (
      SELECT name, tile_geom(geom, tile) AS geom FROM ground WHERE kind = 'city') f WHERE geom IS NOT NULL), '') ||
    coalesce((SELECT ST_AsMVT(f, 'water', 4096, 'geom') FROM (
      SELECT name, kind, rank, tile_geom(geom, tile) AS geom FROM lines WHERE ST_Dimension(geom) = 2 ORDER BY rank) f
      WHERE geom IS NOT NULL), '') ||
    coalesce((SELECT ST_AsMVT(f, 'border', 4096, 'geom') FROM (
      SELECT code, name, kind, tile_geom(geom, tile) AS geom FROM ground WHERE kind IN ('city', 'township')) f
      WHERE geom IS NOT NULL), '') ||
    coalesce((SELECT ST_AsMVT(f, 'way', 4096, 'geom') FROM (
      SELECT name, kind, rank, tile_geom(geom, tile) AS geom FROM lines WHERE ST_Dimension(geom) = 1
      ORDER BY rank DESC) f WHERE geom IS NOT NULL), '') ||
    coalesce((SELECT ST_AsMVT(f, 'name', 4096, 'geom') FROM (
      SELECT name, kind, rank, tile_geom(ST_PointOnSurface(geom), tile) AS geom FROM lines WHERE ST_Dimension(geom) = 2
      UNION ALL
      SELECT name, kind, 0, tile_geom(ST_PointOnSurface(geom), tile) FROM ground WHERE kind = ANY (places)) f
      WHERE geom IS NOT NULL), '')
  INTO made;
  RETURN made;
END $$;

REVOKE EXECUTE ON FUNCTION tile_records(text, integer, integer, integer, json),
  tile_source(integer, integer, integer, json), tile_enterprise(integer, integer, integer, json),
  tile_target(integer, integer, integer, json), tile_resource(integer, integer, integer, json),
  tile_area(integer, integer, integer, json), tile_overlay(integer, integer, integer, json),
  tile_base(integer, integer, integer, json) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tile_records(text, integer, integer, integer, json),
  tile_source(integer, integer, integer, json), tile_enterprise(integer, integer, integer, json),
  tile_target(integer, integer, integer, json), tile_resource(integer, integer, integer, json),
  tile_area(integer, integer, integer, json), tile_overlay(integer, integer, integer, json),
  tile_base(integer, integer, integer, json)
  TO riskmap_city, riskmap_township, riskmap_village, riskmap_grid, riskmap_enterprise, riskmap_committee;
