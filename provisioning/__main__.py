"""The technician's command line: ``senzorika-provision VERB``, one module of ``provisioning.verbs`` per verb."""

import argparse
import pkgutil
import sys
from collections.abc import Sequence
from importlib import import_module

from provisioning import ProvisionError, verbs


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 some failed (named), 2 something the person can mend, said in one line."""
    options = _parser().parse_args(arguments)
    try:
        status: int | None = options.verb(options)
    except ProvisionError as error:
        print(f"senzorika-provision: {error}", file=sys.stderr)
        return 2
    return status or 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="senzorika-provision", description=__doc__)
    parsers = parser.add_subparsers(required=True, metavar="VERB")
    for module in pkgutil.iter_modules(verbs.__path__):
        import_module(f"{verbs.__name__}.{module.name}").add_parser(parsers)
    return parser


if __name__ == "__main__":
    sys.exit(main())
