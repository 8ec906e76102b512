"""Sensors and meter inputs: bytes and edges in, values out. Nothing here opens a bus, sleeps or logs."""
