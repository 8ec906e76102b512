"""Is what a center can ask for what the sensors gave?"""
