"""How do the tables beside the observations change from version to version?"""
