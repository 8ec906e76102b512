"""How does a file come to a node? HTTP/1.1 GET over the node's own mutual TLS, in pieces, with a deadline for each.

Nothing is trusted but the size: what arrives is judged by its hash.
"""

import asyncio

PIECE_S = 15
_LARGEST_HEAD = 2048


class DownloadError(Exception):
    """The file did not come; the text says why."""


def split_url(url: str) -> tuple:
    """(host, port, path) of an https address. Raises DownloadError."""
    scheme, _, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    host, colon, port = place.partition(":")
    if scheme != "https" or not host or not slash or (colon and not port.isdigit()) or " " in url or "\r" in url:
        raise DownloadError("url: expected https://host:port/path")
    return host, int(port) if colon else 443, "/" + path


async def fetch(url: str, context, largest: int, take) -> int:
    """Hand the body to ``take(octets)`` piece by piece; return its size. Raises DownloadError, and what ``take`` does.

    ``context`` is the TLS context of the node; the name in the address is the one the server must prove.
    """
    host, port, path = split_url(url)
    try:
        opening = asyncio.open_connection(host, port, ssl=context, server_hostname=host)
        reader, writer = await asyncio.wait_for(opening, PIECE_S)
    except (OSError, ValueError, asyncio.TimeoutError) as error:
        raise DownloadError("no connection: " + (str(error).strip() or error.__class__.__name__)) from None
    try:
        request = "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        await asyncio.wait_for(writer.drain(), PIECE_S)
        size = await _head(reader, largest)
        await _body(reader, size, take)
    except (OSError, ValueError, asyncio.TimeoutError) as error:
        raise DownloadError("broken off: " + (str(error).strip() or error.__class__.__name__)) from None
    finally:
        writer.close()
    return size


async def _head(reader, largest: int) -> int:
    """Content-Length of a good answer."""
    status, size, got = b"", -1, 0
    while True:
        line = await asyncio.wait_for(reader.readline(), PIECE_S)
        got += len(line)
        if not line or got > _LARGEST_HEAD:
            raise DownloadError("no answer of a web server")
        status = status or line
        if line in (b"\r\n", b"\n"):
            break
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length" and value.strip().isdigit():
            size = int(value)
    parts = status.split()
    if len(parts) < 2 or parts[1] != b"200":
        raise DownloadError("the server says " + str(status[:64], "utf-8").strip())
    if not 0 <= size <= largest:
        raise DownloadError("Content-Length: expected at most " + str(largest))
    return size


async def _body(reader, size: int, take) -> None:
    buffer = bytearray(512)
    view = memoryview(buffer)
    left = size
    while left:
        got = await asyncio.wait_for(reader.readinto(view[: min(left, 512)]), PIECE_S)
        if not got:
            raise DownloadError("truncated: " + str(left) + " of " + str(size) + " bytes are missing")
        take(view[:got])
        left -= got
