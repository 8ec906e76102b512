"""What pulses and depths mean: leaks, bursts, quiet nights, floods."""
