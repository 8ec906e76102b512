"""An ESP32 that is none: its loader in ROM and RAM, and real MicroPython, on one flash image file behind a pty.

esptool and mpremote work on it unmodified. ``slip`` and ``loader_codec`` are bytes and values, ``loader`` is what the
chip does when it is asked, ``flash`` and ``registers`` are what it has, ``board`` is the time and the pty.
"""
