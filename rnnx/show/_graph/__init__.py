"""How a computational graph is drawn: where its parts stand, and the panels in which they do."""
