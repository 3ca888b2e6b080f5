-- Results computed for moments of the past: the rights of the results of runs. That there is such a moment, and what
-- colours areas had then, is everyone's who is signed in.
CALL open_rows('computed');
CALL restrict_rows('computed_score');
CALL restrict_rows('computed_contribution');

-- Kind, code and colours of the areas at a computed moment, and of nothing else.
CREATE OR REPLACE FUNCTION computed_colours(number bigint)
RETURNS TABLE (kind text, code text, level smallint, base_level smallint, rise_level smallint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT s.kind, s.code, s.level, s.base_level, s.rise_level FROM computed_score s
  WHERE s.computed_id = number AND s.kind IN ('grid', 'village', 'township', 'city', 'overlay')
$$;
REVOKE EXECUTE ON FUNCTION computed_colours(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION computed_colours(bigint) TO riskmap_city, riskmap_township, riskmap_village, riskmap_grid,
  riskmap_enterprise, riskmap_committee;
