-- Warnings: their rights. What is watched, how groups stand and who may sign by a link is nobody's rows but the program's.

DO $$
DECLARE
  tab text;
BEGIN
  FOREACH tab IN ARRAY ARRAY['warning', 'warning_step', 'call', 'delivery', 'attempt', 'cap_message'] LOOP
    CALL restrict_rows(tab);
  END LOOP;
  FOREACH tab IN ARRAY ARRAY['watch', 'alert_group', 'sign_link'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tab);
    EXECUTE format('REVOKE ALL ON %I FROM PUBLIC', tab);
  END LOOP;
END $$;
CALL city_rows('silence');
CALL city_rows('reply');
CALL city_rows('backtest');
CALL open_rows('alert_run');
