-- Roles. The web connects as riskmap_web, which inherits nothing: without an identity no policy applies and no row is seen.
-- A request takes one of the reader roles for one transaction (SET LOCAL ROLE) and says whose rows (riskmap.<scope>).
-- Roles are the server's, not the database's: two databases that are prepared at once wait for each other here.
DO $$
BEGIN
  LOCK TABLE pg_catalog.pg_authid IN SHARE ROW EXCLUSIVE MODE;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE NOTICE 'roles cannot be locked here: prepare one database of this server at a time';
END $$;

DO $$
DECLARE reader text;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'riskmap_web') THEN
    CREATE ROLE riskmap_web LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE;
  END IF;
  FOREACH reader IN ARRAY ARRAY['riskmap_city', 'riskmap_township', 'riskmap_village', 'riskmap_grid',
                                'riskmap_enterprise', 'riskmap_committee'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = reader) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER', reader);
    END IF;
    EXECUTE format('GRANT %I TO riskmap_web', reader);
    IF NOT pg_has_role(current_user, reader, 'MEMBER') THEN
      EXECUTE format('GRANT %I TO %I', reader, current_user);
    END IF;
  END LOOP;
  IF NOT pg_has_role(current_user, 'riskmap_web', 'MEMBER') THEN
    EXECUTE format('GRANT riskmap_web TO %I', current_user);
  END IF;
END $$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO riskmap_web, riskmap_city, riskmap_township, riskmap_village, riskmap_grid,
  riskmap_enterprise, riskmap_committee;

-- Row policies are checked before any operator that might leak a row through an error. `&&` cannot, and unless the
-- database knows it, every query of a restricted role reads the whole spatial table.
DO $$
BEGIN
  ALTER FUNCTION geometry_overlaps(geometry, geometry) LEAKPROOF;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE NOTICE 'geometry_overlaps is not leakproof here: restricted roles read by township index instead of GiST';
END $$;
