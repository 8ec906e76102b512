"""How are ordinary reading messages taken, a thousand at once? Those that are made of what was accepted before.

``bulk`` messages as columns of a batch, and what it learns · ``reader`` the compiled part as Python sees it ·
``reader.c`` what messages say · ``words.h`` which words are known.
"""
