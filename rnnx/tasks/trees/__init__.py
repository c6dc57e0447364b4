"""Tasks on trees."""
