-- Row rights, deny by default: row security is on everywhere, and a role sees a row only where a policy says so.
-- One policy a role and table, each a single equality (an OR would turn the spatial index off).

-- The scope roles see the rows whose scope column equals the setting of the same name; the city role sees all.
CREATE OR REPLACE PROCEDURE restrict_rows(tab text) LANGUAGE plpgsql AS $$
DECLARE
  scope text;
BEGIN
  EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tab);
  EXECUTE format('REVOKE ALL ON %I FROM PUBLIC', tab);
  EXECUTE format('GRANT SELECT ON %I TO riskmap_web, riskmap_city, riskmap_township, riskmap_village, riskmap_grid,
                  riskmap_enterprise, riskmap_committee', tab);
  EXECUTE format('DROP POLICY IF EXISTS city ON %I', tab);
  EXECUTE format('CREATE POLICY city ON %I FOR SELECT TO riskmap_city USING (true)', tab);
  FOREACH scope IN ARRAY ARRAY['township', 'village', 'grid', 'enterprise', 'committee'] LOOP
    EXECUTE format('DROP POLICY IF EXISTS %I ON %I', scope, tab);
    EXECUTE format('CREATE POLICY %I ON %I FOR SELECT TO %I USING (%I = nullif(current_setting(%L, true), ''''))',
      scope, tab, 'riskmap_' || scope, CASE scope WHEN 'committee' THEN scope ELSE scope || '_code' END,
      'riskmap.' || scope);
  END LOOP;
END $$;

-- Everyone signed in may read: area polygons and names, colours, the base map, the number of the last revision.
CREATE OR REPLACE PROCEDURE open_rows(tab text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tab);
  EXECUTE format('REVOKE ALL ON %I FROM PUBLIC', tab);
  EXECUTE format('GRANT SELECT ON %I TO riskmap_web, riskmap_city, riskmap_township, riskmap_village, riskmap_grid,
                  riskmap_enterprise, riskmap_committee', tab);
  EXECUTE format('DROP POLICY IF EXISTS signed_in ON %I', tab);
  EXECUTE format('CREATE POLICY signed_in ON %I FOR SELECT TO riskmap_city, riskmap_township, riskmap_village,
                  riskmap_grid, riskmap_enterprise, riskmap_committee USING (true)', tab);
END $$;

-- Only city roles may read at all.
CREATE OR REPLACE PROCEDURE city_rows(tab text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tab);
  EXECUTE format('REVOKE ALL ON %I FROM PUBLIC', tab);
  EXECUTE format('GRANT SELECT ON %I TO riskmap_web, riskmap_city', tab);
  EXECUTE format('DROP POLICY IF EXISTS city ON %I', tab);
  EXECUTE format('CREATE POLICY city ON %I FOR SELECT TO riskmap_city USING (true)', tab);
END $$;

DO $$
DECLARE
  tab text;
BEGIN
  FOREACH tab IN ARRAY ARRAY['enterprise', 'source', 'inventory', 'target', 'population', 'sensor', 'danger',
                             'resource', 'duty', 'zone_external'] LOOP
    CALL keep_history(tab, false);
    CALL restrict_rows(tab);
    CALL restrict_rows(tab || '_past');
    EXECUTE format('GRANT SELECT ON %I TO riskmap_web, riskmap_city, riskmap_township, riskmap_village, riskmap_grid,
                    riskmap_enterprise, riskmap_committee', tab || '_all');
  END LOOP;
  FOREACH tab IN ARRAY ARRAY['area', 'line'] LOOP
    CALL keep_history(tab, false);
    CALL open_rows(tab);
    CALL open_rows(tab || '_past');
    EXECUTE format('GRANT SELECT ON %I TO riskmap_web, riskmap_city, riskmap_township, riskmap_village, riskmap_grid,
                    riskmap_enterprise, riskmap_committee', tab || '_all');
  END LOOP;
  CALL keep_history('event', true);
  FOREACH tab IN ARRAY ARRAY['event', 'event_past', 'score', 'score_past', 'contribution', 'contribution_past',
                             'flip'] LOOP
    CALL restrict_rows(tab);
  END LOOP;
  FOREACH tab IN ARRAY ARRAY['event_all', 'score_all', 'contribution_all'] LOOP
    EXECUTE format('GRANT SELECT ON %I TO riskmap_web, riskmap_city, riskmap_township, riskmap_village, riskmap_grid,
                    riskmap_enterprise, riskmap_committee', tab);
  END LOOP;
  FOREACH tab IN ARRAY ARRAY['colour', 'head', 'run', 'edition', 'edition_past', 'stability', 'city'] LOOP
    CALL open_rows(tab);
  END LOOP;
  CALL city_rows('revision');
END $$;

-- `change` tells that something of yours changed; rows of a whole layer ('*') hold no data and pass for everyone.
CALL restrict_rows('change');
DROP POLICY IF EXISTS whole_layer ON change;
CREATE POLICY whole_layer ON change FOR SELECT TO riskmap_township, riskmap_village, riskmap_grid, riskmap_enterprise,
  riskmap_committee USING (code = '*');

-- Accounts, sessions and failed sign-ins are nobody's rows: only the function below reads them for the web.
ALTER TABLE account ENABLE ROW LEVEL SECURITY;
ALTER TABLE session ENABLE ROW LEVEL SECURITY;
ALTER TABLE guess ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON account, session, guess FROM PUBLIC;

-- Whose session a token is, while it lasts and the account is enabled; no row otherwise.
CREATE OR REPLACE FUNCTION who_is(token bytea)
RETURNS TABLE (name text, role text, area_code text, enterprise_code text, committee text, csrf text, kind text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT a.name, a.role, a.area_code, a.enterprise_code, a.committee, s.csrf, s.kind
  FROM session s JOIN account a USING (name)
  WHERE s.token_hash = token AND s.expires_at > clock_timestamp() AND a.enabled
$$;
REVOKE EXECUTE ON FUNCTION who_is(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION who_is(bytea) TO riskmap_web;
