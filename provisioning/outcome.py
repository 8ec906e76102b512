"""How does a verb say what it did? One JSON document for scripts, or lines for people; progress goes to stderr."""

import argparse
import json
import sys
from typing import Any

from rich.console import Console


def add_options(parser: argparse.ArgumentParser) -> None:
    """What every verb that changes something understands."""
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done and change nothing")


def tell(options: argparse.Namespace, document: dict[str, Any], text: str) -> None:
    """``text`` is for people; with ``--json`` only the document is written."""
    if options.json:
        sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=1) + "\n")
    else:
        # What people wrote (a reason, a name) may look like rich's marks, and is none.
        Console(highlight=False, markup=False, emoji=False, soft_wrap=True).print(text)
