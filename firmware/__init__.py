"""What runs on a node, in the dialect of MicroPython; contract, quantities and codec are shared with all sides."""

VERSION = "0.1.0"
BUILT_S = 1795392000  # 2026-11-23, seconds since 1970 UTC: no clock that says an earlier time is right
