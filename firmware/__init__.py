"""What runs on a node, in the dialect of MicroPython; contract, quantities and codec are shared with all sides."""

VERSION = "0.1.0"
