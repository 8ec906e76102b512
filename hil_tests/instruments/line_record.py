"""What went over a line, question by question, as lines of JSON; and a line that answers out of such a file again."""

import json
from collections import defaultdict, deque
from pathlib import Path


class LineRecord:
    """Adds ``{"line": ..., "request": hex, "answer": hex}`` to a file; an empty answer is silence."""

    def __init__(self, file: Path | None) -> None:
        self._file = file.open("a", encoding="utf-8") if file else None

    def add(self, line: str, request: bytes, answer: bytes) -> None:
        if self._file:
            self._file.write(json.dumps({"line": line, "request": request.hex(), "answer": answer.hex()}) + "\n")
            self._file.flush()

    def close(self) -> None:
        if self._file:
            self._file.close()


class Replay:
    """Answers each request as it was answered, in the order in which it was; the last answer again and again."""

    def __init__(self, file: Path, line: str) -> None:
        self._answers: dict[bytes, deque[bytes]] = defaultdict(deque)
        for number, text in enumerate(file.read_text("utf-8").splitlines(), 1):
            try:
                entry = json.loads(text)
                request, answer = bytes.fromhex(entry["request"]), bytes.fromhex(entry["answer"])
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{file}, line {number}: {error}") from None
            if entry.get("line", line) == line:
                self._answers[request].append(answer)

    def answer(self, request: bytes) -> bytes:
        """Nothing to what nobody asked then."""
        waiting = self._answers.get(request)
        if not waiting:
            return b""
        return waiting.popleft() if len(waiting) > 1 else waiting[0]
