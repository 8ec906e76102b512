"""What is there in the city, what belongs to what, and how does it change? ``registry`` is the whole of it."""
