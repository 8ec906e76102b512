"""OGC SensorThings API 1.1 (18-088): reading, creating, changing and deleting entities."""
