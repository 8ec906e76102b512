"""M-Bus (EN 13757-2 and -3): bytes in, values out, in both directions. No I/O."""
