"""Reports for people: pages of an archive and of a call."""
