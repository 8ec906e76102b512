"""What a technician uses to certify, set up and revoke: nobody else makes keys or rights."""


class ProvisionError(Exception):
    """Something the person at the keyboard can mend; the text says what."""
