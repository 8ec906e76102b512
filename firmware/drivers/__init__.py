"""Sensors and meter inputs: bytes and edges in, values out. Nothing here opens a bus, sleeps or logs."""


class DriverError(ValueError):
    """No number this time; the text is the name of the counter it belongs to: ``bad_checksum``, ``no_answer``…"""
