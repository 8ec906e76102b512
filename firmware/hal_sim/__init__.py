"""What a board gives its node, from the unix interpreter: the same names as ``firmware/hal``.

Sensors are processes of the bench, reached over TCP; the clock is the host's.
"""
