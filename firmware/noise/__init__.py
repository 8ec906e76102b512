"""How loud is it? The A-weighting in integers, and levels made of it."""
