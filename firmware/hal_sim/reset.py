"""Why did the simulated board start? A file remembers what a register of the chip would."""

import os
import sys

AGAIN = 75  # exit status of a board that starts again; whoever runs it does that


def remember(folder: str, cause: str) -> None:
    with open(folder + "/reset_cause", "w") as file:
        file.write(cause)


def recall(folder: str) -> str:
    """The cause of this start, once; a board that was killed or switched on has nothing to tell but ``power_on``."""
    path = folder + "/reset_cause"
    try:
        with open(path) as file:
            cause = file.read()
        os.remove(path)
    except OSError:
        return "power_on"
    return cause


def restart(folder: str, cause: str) -> None:
    """End this start; never returns."""
    remember(folder, cause)
    sys.exit(AGAIN)
