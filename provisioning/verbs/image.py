"""``image``: the files of one node as one image for its flash."""

import argparse
from pathlib import Path

from provisioning import ProvisionError, partitions
from provisioning.durable import replace_file
from provisioning.image import image
from provisioning.node_files import application, own, settings_of
from provisioning.outcome import add_options, tell
from provisioning.release import BOARDS
from provisioning.verbs import Parsers


def add_parser(parsers: Parsers) -> None:
    parser = parsers.add_parser("image", help="the files of one node as a LittleFS image")
    parser.add_argument("directory", type=Path)
    parser.add_argument("name")
    parser.add_argument("output", type=Path)
    add_interpreter(parser)
    parser.add_argument("--flash-size", type=int, default=4, metavar="MB")
    add_options(parser)
    parser.set_defaults(verb=_image)


def add_interpreter(parser: argparse.ArgumentParser) -> None:
    """What the images of a batch have in common."""
    parser.add_argument("--interpreter", type=Path, required=True, metavar="FILE", help="MicroPython, as one .bin")
    parser.add_argument(
        "--offset", type=lambda text: int(text, 0), default=0x1000, help="of the interpreter; 0x1000, on newer chips 0"
    )
    parser.add_argument("--board", choices=BOARDS, default="esp32", help="unix: a virtual board on a laptop")


def read_interpreter(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ProvisionError(f"--interpreter {path}: {error.strerror}") from None


def _image(options: argparse.Namespace) -> None:
    table = partitions.of_image(read_interpreter(options.interpreter), options.offset)
    region = partitions.file_system(table, options.flash_size << 20)
    files = application(options.board) | own(options.directory, settings_of(options.directory, options.name))
    octets = image(files, region.size)
    if not options.dry_run:
        replace_file(options.output, octets, 0o600)  # it holds the key
    document = {"offset": region.offset, "size": region.size, "files": sorted(files)}
    tell(options, document, f"{options.output}: {len(files)} files, to be written to {region.offset:#x}")
