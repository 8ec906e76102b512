"""Which reactions does a failure at the edge call for? One exception class for each."""


class DeviceError(Exception):
    """This meter, this time: log it and go on with the next one."""


class LineError(Exception):
    """The line itself: close it and open it again."""


class ConfigError(Exception):
    """What a technician wrote cannot be run: stop at start and name the key."""


class Refusal(Exception):  # noqa: N818 - not an error of ours: the answer to a command
    """The command is not carried out; the text says why."""

    def __init__(self, reason: str, status: str = "refused") -> None:
        super().__init__(reason)
        self.status = status
