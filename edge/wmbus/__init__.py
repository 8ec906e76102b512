"""Wireless M-Bus (EN 13757-4, -7, OMS): telegrams that meters send by themselves, and what receives them."""
