"""What does a run look like to whoever was not there?"""
