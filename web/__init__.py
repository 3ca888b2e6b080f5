"""How people see the city and speak to it: pages, map, tiles, API and command line."""
