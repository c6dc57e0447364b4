"""One trial, or a group of them that one compiled program trains: the loop, its record, and how it survives an end."""
