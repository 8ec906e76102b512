"""Conversations with the sensors of an air node: one module per sensor, found by the name that node.json gives.

A module has ``Sensor(hal, name)``; ``name`` is what ``hal`` wires. A sensor has

- ``async read()``: {quantity: (integer, exponent)}, empty when there is nothing new. Raises DriverError.
- ``raw``: what it answered last, by which one that has stopped measuring is found.
- ``STUCK_AFTER``: how often the same answer is believed.

One for particles also has ``async start()`` (whether it had been off), ``async rest()`` and ``async clean()``, and its
part's ``WARM_UP_MS``, ``MEASURE_MS`` of each period (0: all of it), ``CLEAN_EVERY_S`` (0: never), ``CLEANING_MS`` and
``LIFE_H``.
"""
