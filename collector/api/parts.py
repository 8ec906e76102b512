"""How is a part of an answer given? A reader of Parquet asks for the end of the file first, then for what it needs.

The file is written once and kept for a little while, so that the parts of it belong together.
"""

import asyncio
import os
import re
from collections import OrderedDict
from collections.abc import AsyncIterable, AsyncIterator, Hashable
from tempfile import TemporaryFile
from typing import IO

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

MOST_FILES = 4
SECONDS = 60.0  # that a file is kept, unless something has changed
_PIECE = 1 << 20
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Parts:
    """The files that parts were asked of; on disk, without a name. Lives on the event loop."""

    def __init__(self) -> None:
        self._files: OrderedDict[Hashable, IO[bytes]] = OrderedDict()

    async def answer(
        self, request: Request, key: Hashable, whole: AsyncIterable[bytes], headers: dict[str, str], media_type: str
    ) -> Response:
        """206 with the part that ``Range`` names, 416 where there is none. ``key`` is equal for the same answer."""
        file = await self._file(key, whole)
        size = os.fstat(file.fileno()).st_size
        begin, end = _range(request.headers["range"], size) or (0, size)
        headers = {**headers, "Accept-Ranges": "bytes"}
        if begin >= size:
            return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
        headers |= {"Content-Range": f"bytes {begin}-{end - 1}/{size}", "Content-Length": str(end - begin)}
        descriptor = os.dup(file.fileno())  # it may be forgotten meanwhile
        return StreamingResponse(_read(descriptor, begin, end), 206, headers, media_type)

    async def _file(self, key: Hashable, whole: AsyncIterable[bytes]) -> IO[bytes]:
        if key not in self._files:
            file = TemporaryFile()  # noqa: SIM115  # closed when it is forgotten
            try:
                async for part in whole:
                    await asyncio.to_thread(file.write, part)
                file.flush()
            except BaseException:
                file.close()
                raise
            self._files[key] = file
            asyncio.get_running_loop().call_later(SECONDS, self._forget, key, file)
            while len(self._files) > MOST_FILES:
                self._files.popitem(last=False)[1].close()
        return self._files[key]

    def _forget(self, key: Hashable, file: IO[bytes]) -> None:
        if self._files.get(key) is file:
            self._files.pop(key).close()


def is_range(request: Request, tag: str | None) -> bool:
    """Whether one part is asked for that we understand, of the answer that has this tag; else it is answered whole.

    RFC 9110 13.1.5, 14.2.
    """
    found = _RANGE.fullmatch(request.headers.get("range", "").strip())
    is_same = request.headers.get("if-range", tag) == tag
    return request.method == "GET" and is_same and found is not None and found.groups() != ("", "")


def _range(text: str, size: int) -> tuple[int, int] | None:
    """[begin, end) of ``bytes=0-99``, ``bytes=100-`` or ``bytes=-100``."""
    found = _RANGE.fullmatch(text.strip())
    if found is None:
        return None
    first, last = found.groups()
    if not first:
        return max(0, size - int(last)), size if int(last) else 0
    return int(first), min(size, int(last) + 1) if last else size


async def _read(descriptor: int, begin: int, end: int) -> AsyncIterator[bytes]:
    try:
        while begin < end:
            part = await asyncio.to_thread(os.pread, descriptor, min(_PIECE, end - begin), begin)
            begin += len(part)
            yield part
    finally:
        os.close(descriptor)
