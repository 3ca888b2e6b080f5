-- What two writings of one name have in common: width, case, blanks and brackets make no difference. Company suffixes
-- stay, as 甲公司 and 甲公司分公司 are two. A name of Han characters, small letters and digits is its own key: most are,
-- and finding that out takes a fourth of the time.
CREATE OR REPLACE FUNCTION same_name(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN name ~ '^[一-鿿a-z0-9]*$' THEN name ELSE
    translate(lower(normalize(name, NFKC)), E' \t\n\r' || chr(8203) || '()[]{}<>〔〕【】〖〗「」『』《》〈〉', '') END
$$;
GRANT EXECUTE ON FUNCTION same_name(text) TO riskmap_web, riskmap_city, riskmap_township, riskmap_village,
  riskmap_grid, riskmap_enterprise, riskmap_committee;
