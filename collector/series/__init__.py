"""Many observations at once: held, asked for and summed up, as every store and every format has them."""
