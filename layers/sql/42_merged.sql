-- What was merged into what. Whoever saw the record that went may know where it went.
CALL restrict_rows('merged');

-- The code under which a record was known at a revision, of which something was said by `said_rev`: what it has been
-- merged into since, else its own. A code that is used anew after a merge is its own again.
CREATE OR REPLACE FUNCTION called_at(of_layer text, of_code text, said_rev bigint,
                                     known_rev bigint DEFAULT 9223372036854775807)
RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT coalesce((SELECT m.into_code FROM merged m
                   WHERE m.layer = of_layer AND m.code = of_code AND m.before > said_rev AND m.rev <= known_rev
                   ORDER BY m.before, m.rev DESC LIMIT 1), of_code)
$$;

-- A record's code, and those of all that were merged into it: where to look for what is called so by `called_at`.
CREATE OR REPLACE FUNCTION names_of(of_layer text, of_code text) RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT array_append(array_agg(m.code), of_code) FROM merged m WHERE m.layer = of_layer AND m.into_code = of_code
$$;
REVOKE EXECUTE ON FUNCTION called_at(text, text, bigint, bigint), names_of(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION called_at(text, text, bigint, bigint), names_of(text, text)
  TO riskmap_city, riskmap_township, riskmap_village, riskmap_grid, riskmap_enterprise, riskmap_committee;

-- An enterprise sees the events of those that were merged into it: by index, then each by its revision.
DO $$
DECLARE
  tab text;
BEGIN
  FOREACH tab IN ARRAY ARRAY['event', 'event_past'] LOOP
    EXECUTE format('DROP POLICY IF EXISTS enterprise ON %I', tab);
    EXECUTE format('CREATE POLICY enterprise ON %I FOR SELECT TO riskmap_enterprise USING (
      enterprise_code = ANY (names_of(''enterprise'', nullif(current_setting(''riskmap.enterprise'', true), '''')))
      AND called_at(''enterprise'', enterprise_code, rev) = nullif(current_setting(''riskmap.enterprise'', true), ''''))', tab);
  END LOOP;
END $$;
