"""Where do frames begin and end in a stream of bytes? For every serial sensor that talks by itself.

A frame begins with ``head``; ``size_of`` says from its first bytes how long it is, ``is_frame`` judges the whole (tail,
checksum). Garbage before, between and inside frames is skipped byte by byte, so the next good frame is always found.
"""


class FrameFinder:
    """``size_of(octets)`` -> size of the frame that begins there, 0: more bytes are needed, -1: none begins there."""

    def __init__(self, head: bytes, size_of, is_frame) -> None:
        self._head = head
        self._size_of = size_of
        self._is_frame = is_frame
        self._kept = b""
        self.skipped = 0  # bytes that belonged to no frame

    def feed(self, octets: bytes) -> list:
        """The frames that are complete now, in order. What may become one is kept; ``size_of`` bounds how much."""
        kept, start, frames = self._kept + octets, 0, []
        while True:
            begun = self._begin(kept, start)
            self.skipped += begun - start
            start = begun
            rest = kept[start:]
            size = self._size_of(rest) if len(rest) >= len(self._head) else 0
            if size == 0 or len(rest) < size:
                self._kept = rest
                return frames
            if size > 0 and self._is_frame(rest[:size]):
                frames.append(rest[:size])
                start += size
            else:
                self.skipped += 1
                start += 1

    def _begin(self, kept: bytes, start: int) -> int:
        """Where a frame may begin: at the head, or where the end is a part of it."""
        found = kept.find(self._head, start)
        if found >= 0:
            return found
        for begun in range(max(start, len(kept) - len(self._head) + 1), len(kept)):
            if self._head.startswith(kept[begun:]):
                return begun
        return len(kept)
