"""What changes the map: one job is one transaction, started by the clock, a command or a request."""
