"""Where are observations kept, and which place does a URL name? A module for each scheme."""

from importlib import import_module
from pathlib import Path

from collector.store import Store


def open_store(url: str, folder: Path, *, is_shared: bool = False) -> Store:
    """Open ``memory:``, ``duckdb:observations.duckdb`` (in ``folder``) or ``influx://127.0.0.1:8086/senzorika``.

    ``is_shared`` when other collectors write into it too. The scheme is the name of a module beside this one; raises
    ValueError when there is none, StoreError when the store is there and cannot be used.
    """
    scheme, _, rest = url.partition(":")
    if not scheme.isidentifier() or not (Path(__file__).parent / f"{scheme}.py").exists():
        here = sorted(file.stem for file in Path(__file__).parent.glob("[a-z]*.py"))
        raise ValueError(f"expected one of {', '.join(name + ':' for name in here)}, got {url}")
    store: Store = import_module(f"collector.stores.{scheme}").open_url(rest, folder, is_shared=is_shared)
    return store
