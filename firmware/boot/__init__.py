"""What starts a board: the only files that an application update never replaces.

``main.py``, ``slots.py``, ``rom.py`` and ``durable.py`` stand at the root of the file system; the application is an
image in one of two slots. The application carries ``slots`` as well: the shape of ``slot.json`` is an agreement
between the two.
"""
