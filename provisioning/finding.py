"""What is a finding of the doctor? What is wrong, and what to do about it."""

from typing import NamedTuple


class Finding(NamedTuple):
    """``about`` names the file, board or program; ``do`` is what the person does next."""

    about: str
    wrong: str
    do: str
