"""What does the city publish? A catalogue in DCAT-AP 3, for portals that harvest it."""
