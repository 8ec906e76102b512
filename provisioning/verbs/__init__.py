"""One module per verb of ``senzorika-provision``: ``add_parser(parsers)`` names its options and what carries it out.

A module that stands here is a verb; nothing else has to know it. What it sets as ``verb`` takes the options and returns
the exit status, None for 0.
"""

import argparse
from typing import TypeAlias

Parsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - argparse has no public name
