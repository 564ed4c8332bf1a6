"""What must be installed, for arguments to be checked."""

from __future__ import annotations

from zmqwork.errors import ConfigError


def need_msgspec(what: str) -> None:
    """Raise `ConfigError` unless what checks arguments is installed; it is not loaded yet."""
    import importlib.util  # noqa: PLC0415 - most programs ask for nothing

    if importlib.util.find_spec("msgspec") is None:
        raise ConfigError(
            f"{what}: validate=True needs msgspec, here and at the workers: "
            "pip install 'zmqwork[typed]'"
        )
