"""What the city asks of its numbers: consumption, noise, air, night flow, parking. One module each, pure."""
