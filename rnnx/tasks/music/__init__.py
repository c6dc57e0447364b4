"""Music: which keys sound next."""
