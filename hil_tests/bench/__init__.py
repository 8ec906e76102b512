"""A rig file and what a test can do with the bench that it describes, virtual or soldered."""
