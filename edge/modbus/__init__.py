"""Modbus: which registers say what (``register``), and the one importer of pymodbus (``client``)."""
