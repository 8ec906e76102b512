"""What does each sensor of a parking spot say: free, occupied or nothing, and from which numbers?

One module per way of looking, loaded when it is wired. Each class has a ``weight``, ``async look(values)``, which adds
its raw numbers to ``values`` and returns its evidence (DriverError: none this time), ``says``, the evidence before, and
``suspect``: the quantities that may not be believed now.
"""
