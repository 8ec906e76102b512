"""The parts of ``receive``: one connection to the broker, what has arrived, and how long a batch waits."""
