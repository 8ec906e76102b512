"""What can befall a city, whom does it hit, and how is it undone?"""
