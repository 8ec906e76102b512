"""From the octets of a message to what shall be committed: what is taken, what is held, what is marked."""
