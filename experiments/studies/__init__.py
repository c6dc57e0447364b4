"""A study: which trials it is made of, what they are called, and what they cost before they run."""
