"""The virtual cities: what stands in them, and how are they built, started, killed and stopped?"""
