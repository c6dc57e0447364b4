"""From the record of a study to figures, a table and one HTML page."""
