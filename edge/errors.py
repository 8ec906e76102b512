"""Which reactions does a failure at the edge call for? One exception class for each."""


class DeviceError(Exception):
    """This meter, this time: log it and go on with the next one."""


class LineError(Exception):
    """The line itself: close it and open it again."""


class ConfigError(Exception):
    """What a technician wrote cannot be run: stop at start and name the key."""
