"""Files that grow by a line at a time, and what a kill leaves of them."""

from __future__ import annotations

from pathlib import Path


def append_line(path: Path, line: str) -> None:
    """Add a line; it is in the file when this returns."""
    with path.open("a", encoding="utf-8", newline="") as file:
        file.write(line + "\n")


def whole_lines(path: Path) -> list[str]:
    """The lines of a file; one that a kill has cut in the middle is removed from it."""
    data = path.read_bytes()
    if not data.endswith(b"\n"):
        data = data[: data.rfind(b"\n") + 1]
        with path.open("r+b") as file:
            file.truncate(len(data))
    return data.decode("utf-8", "replace").splitlines()
