-- The hold: a colour rises at once and falls when the score has been clear of its edge for some hours. Nothing of it is
-- stored; it is read from what the runs left. SECURITY INVOKER: whoever asks reads its own results.

-- The rule of the edition that the newest run by a revision went by: the edges of a kind of thing and how far below one
-- is clear of it, in micro-points, and for how many hours. No row: that edition has none.
CREATE OR REPLACE FUNCTION hold_rule(of_kind text, known bigint)
RETURNS TABLE (edges bigint[], margin bigint, hours integer)
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  WITH risk AS (
    SELECT e.content #> '{tables,risk}' AS content FROM edition e
    WHERE e.name = (SELECT r.edition FROM run r WHERE r.current AND r.rev <= known ORDER BY r.rev DESC LIMIT 1))
  SELECT ARRAY(SELECT (edge.value #>> '{}')::numeric * 1000000 FROM jsonb_array_elements(risk.content -> 'edges' -> CASE
             WHEN of_kind = 'city' AND EXISTS (SELECT FROM area a WHERE a.level = 'township') THEN 'city'
             ELSE 'ordinary' END) WITH ORDINALITY AS edge(value, place) ORDER BY edge.place)::bigint[],
    ((risk.content #>> '{hold,points}')::numeric * 1000000)::bigint, (risk.content #>> '{hold,hours}')::integer
  FROM risk WHERE risk.content ? 'hold'
$$;

-- The level that a score is not clear of: its own one, or a worse one whose edge it is within the margin of.
CREATE OR REPLACE FUNCTION near_level(level smallint, score bigint, edges bigint[], margin bigint) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT least(level, CASE WHEN score + margin > edges[3] THEN 1 WHEN score + margin > edges[2] THEN 2
                           WHEN score + margin > edges[1] THEN 3 ELSE 4 END)
$$;

-- The held colour of the results of some things after a revision, at an instant, where it is worse than their own, and
-- until when it is held if nothing changes (null: the score is not clear of the edge yet). The past is read thing by
-- thing, by its index (LATERAL, enable_seqscan = off): a page asks for a hundred of them among any number of results.
CREATE OR REPLACE FUNCTION held_levels(of_kind text, codes text[], known bigint, at timestamptz)
RETURNS TABLE (code text, level smallint, until timestamptz)
LANGUAGE sql STABLE SET search_path = public, pg_temp SET enable_seqscan = off AS $$
  WITH rule AS MATERIALIZED (
    SELECT h.edges, h.margin, h.hours * interval '1 hour' AS span FROM hold_rule(of_kind, known) h),
  late AS MATERIALIZED (
    SELECT coalesce(max(r.rev), 0) AS rev FROM run r, rule h WHERE r.data_time <= at - h.span),
  now AS MATERIALIZED (
    SELECT s.code, s.level, near_level(s.level, s.score, h.edges, h.margin) AS near
    FROM rule h, score_all s
    WHERE s.kind = of_kind AND s.code = ANY (codes) AND s.rev <= known AND s.rev_to > known AND s.level IS NOT NULL),
  open AS MATERIALIZED (  -- all that can be held: not clear of a worse colour, or not clear of one within these hours
    SELECT n.code, n.level FROM now n WHERE n.near < n.level
    UNION
    SELECT n.code, n.level FROM now n, late l, rule h, LATERAL (
      SELECT FROM score_past p WHERE p.kind = of_kind AND p.code = n.code AND p.rev_to > l.rev AND p.rev_to <= known
        AND near_level(p.level, p.score, h.edges, h.margin) < n.level LIMIT 1) AS worse),
  times AS MATERIALIZED (  -- when they were not clear of a worse colour than their own
    SELECT o.code, s.level, near_level(s.level, s.score, h.edges, h.margin) AS near, begun.data_time AS starts,
           CASE WHEN s.rev_to > known THEN at ELSE least(ended.data_time, at) END AS ends
    FROM rule h CROSS JOIN open o CROSS JOIN LATERAL (
      SELECT a.* FROM score_all a WHERE a.kind = of_kind AND a.code = o.code AND a.rev <= known AND a.level IS NOT NULL
        AND near_level(a.level, a.score, h.edges, h.margin) < o.level OFFSET 0) AS s
    JOIN run begun ON begun.rev = s.rev LEFT JOIN run ended ON ended.rev = s.rev_to),
  seen AS (  -- when each worse colour was last there
    SELECT t.code, c.level, max(t.ends) AS last
    FROM times t JOIN open o ON o.code = t.code CROSS JOIN generate_series(1, 3) AS c(level)
    WHERE t.level <= c.level AND c.level < o.level GROUP BY t.code, c.level),
  clear AS (  -- how long the score was clear of it before each time that it was not, and until when it was not
    SELECT s.code, s.level, t.ends,
      t.starts - lag(t.ends, 1, s.last) OVER (PARTITION BY s.code, s.level ORDER BY t.starts) AS before
    FROM seen s JOIN times t ON t.code = s.code AND t.near <= s.level AND t.starts >= s.last),
  held AS (
    SELECT s.code, s.level, greatest(s.last, max(c.ends)) AS last, h.span
    FROM rule h, seen s LEFT JOIN clear c ON c.code = s.code AND c.level = s.level
    GROUP BY s.code, s.level, s.last, h.span HAVING coalesce(max(c.before), interval '0') < h.span)
  SELECT DISTINCT ON (h.code) h.code, h.level::smallint, CASE WHEN n.near > h.level THEN h.last + h.span END
  FROM held h JOIN now n ON n.code = h.code WHERE at - h.last < h.span ORDER BY h.code, h.level
$$;

-- The held colours of areas, for everyone: a colour and a time, and nothing of the score.
CREATE OR REPLACE FUNCTION held_area_levels(of_kind text, codes text[], known bigint, at timestamptz)
RETURNS TABLE (code text, level smallint, until timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT h.code, h.level, h.until FROM held_levels(of_kind, codes, known, at) h
  WHERE of_kind IN ('grid', 'village', 'township', 'city', 'overlay')
$$;
REVOKE EXECUTE ON FUNCTION held_area_levels(text, text[], bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION held_area_levels(text, text[], bigint, timestamptz) TO riskmap_city, riskmap_township,
  riskmap_village, riskmap_grid, riskmap_enterprise, riskmap_committee;
