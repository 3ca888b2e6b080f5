-- Warnings to the public. A draft is the city's and the township's that made it; what was approved is everybody's who is
-- signed in, and without a sign-in theirs where the city lets them (city.toml: [alerts] public_list = true).
CALL keep_history('public_warning', false);

CREATE OR REPLACE FUNCTION public_warnings_are_public() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT coalesce((SELECT (content #>> '{alerts,public_list}')::boolean FROM city), false)
$$;
REVOKE EXECUTE ON FUNCTION public_warnings_are_public() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public_warnings_are_public() TO riskmap_web;

DO $$
DECLARE
  tab text;
BEGIN
  FOREACH tab IN ARRAY ARRAY['public_warning', 'public_warning_past'] LOOP
    CALL restrict_rows(tab);
    EXECUTE format('DROP POLICY IF EXISTS approved ON %I', tab);
    EXECUTE format('CREATE POLICY approved ON %I FOR SELECT TO riskmap_township, riskmap_village, riskmap_grid,
                    riskmap_enterprise, riskmap_committee USING (approved_at IS NOT NULL)', tab);
  END LOOP;
END $$;
DROP POLICY IF EXISTS in_public ON public_warning;
CREATE POLICY in_public ON public_warning FOR SELECT TO riskmap_web
  USING (approved_at IS NOT NULL AND public_warnings_are_public());
GRANT SELECT ON public_warning_all TO riskmap_web, riskmap_city, riskmap_township, riskmap_village, riskmap_grid,
  riskmap_enterprise, riskmap_committee;
CALL restrict_rows('public_step');
CREATE OR REPLACE TRIGGER as_filed BEFORE UPDATE OR DELETE OR TRUNCATE ON public_step
  FOR EACH STATEMENT EXECUTE FUNCTION keep_as_filed();

-- Public CAP messages are for everyone who may ask for the feed.
DROP POLICY IF EXISTS for_the_public ON cap_message;
CREATE POLICY for_the_public ON cap_message FOR SELECT TO riskmap_township, riskmap_village, riskmap_grid,
  riskmap_enterprise, riskmap_committee USING (scope = 'Public');

-- Whatever writes: a warning begins as a draft; what it says never changes; it becomes one to the public only by the
-- step of an account with the authority, another than the drafter's where two must sign; and none is ever removed.
CREATE OR REPLACE FUNCTION guard_public_warning() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  approver text;
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'a public warning is never removed' USING ERRCODE = 'restrict_violation';
  END IF;
  IF TG_OP = 'INSERT' THEN
    IF NEW.state <> 'draft' OR NEW.approved_at IS NOT NULL OR NEW.number IS NOT NULL OR NEW.signatory IS NOT NULL THEN
      RAISE EXCEPTION 'a public warning begins as a draft' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
  END IF;
  IF to_jsonb(NEW) - '{state,number,signatory,approved_at,ended_at,valid_from,rev}'::text[]
     IS DISTINCT FROM to_jsonb(OLD) - '{state,number,signatory,approved_at,ended_at,valid_from,rev}'::text[] THEN
    RAISE EXCEPTION 'what a public warning says never changes' USING ERRCODE = 'restrict_violation';
  END IF;
  IF OLD.state = 'draft' AND NEW.state = 'withdrawn' AND NEW.approved_at IS NULL THEN
    RETURN NEW;
  END IF;
  IF OLD.state = 'open' AND NEW.state IN ('lifted', 'replaced') AND NEW.ended_at IS NOT NULL
     AND (NEW.number, NEW.signatory, NEW.approved_at) = (OLD.number, OLD.signatory, OLD.approved_at) THEN
    RETURN NEW;
  END IF;
  IF OLD.state <> 'draft' OR NEW.state <> 'open' THEN
    RAISE EXCEPTION 'a public warning does not go from % to %', OLD.state, NEW.state
      USING ERRCODE = 'restrict_violation';
  END IF;
  SELECT s.account INTO approver FROM public_step s JOIN account a ON a.name = s.account
    WHERE s.code = NEW.code AND s.action = 'approve' AND s.at = NEW.approved_at
      AND a.enabled AND a.role IN ('admin', 'city') AND a.committee IS NULL;
  IF approver IS NULL OR NEW.number IS NULL OR NEW.signatory IS NULL THEN
    RAISE EXCEPTION 'a public warning needs the approval of an account with the authority, a number and a signatory'
      USING ERRCODE = 'restrict_violation';
  END IF;
  IF NEW.signatures >= 2 AND approver IN (SELECT s.account FROM public_step s
                                          WHERE s.code = NEW.code AND s.action = 'draft') THEN
    RAISE EXCEPTION 'who drafted it may not approve it: two must sign' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER guarded BEFORE INSERT OR UPDATE OR DELETE ON public_warning
  FOR EACH ROW EXECUTE FUNCTION guard_public_warning();
