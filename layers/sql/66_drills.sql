-- Drills are the city's to set and to see; the warnings that they make have their own rights. The pulse is everyone's.

CALL city_rows('drill');
CALL open_rows('pulse');
