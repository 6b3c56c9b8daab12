"""The configurations of interpreters that CPython's low-level module knows.

Whatever is asked for, an interpreter of wasm-pool is isolated and has no threads and no processes; the names are there for programs that
give them.
"""

import types

_FIELDS = (
    "use_main_obmalloc", "allow_fork", "allow_exec", "allow_threads", "allow_daemon_threads", "check_multi_interp_extensions", "gil",
)
_NAMED = {
    "isolated": (False, False, False, True, False, True, "own"),
    "legacy": (True, True, True, True, True, False, "shared"),
    "empty": (False, False, False, False, False, False, "default"),
}
_NAMED["default"] = _NAMED[""] = _NAMED["isolated"]
_GIL = ("default", "shared", "own")


def new(name="isolated", /, **overrides):
    """Errors: `ValueError`, `TypeError`."""
    if name not in _NAMED:
        raise ValueError(f"unsupported config name {name!r}")
    config = types.SimpleNamespace(**{**dict(zip(_FIELDS, _NAMED[name])), **overrides})
    _check(config)
    return config


def of(config):
    """A configuration that was given, by name or as it is."""
    if config is None or isinstance(config, str):
        config = config or "isolated"
        # A name is text.
        config.encode()
        config = new(config)
    _check(config)
    if config.gil == "default":
        from _interpreters import InterpreterError
        raise InterpreterError("an interpreter needs a GIL of its own or its creator's")
    return types.SimpleNamespace(**vars(config))


def of_main():
    return new("legacy", gil="own")


def _check(config):
    if set(vars(config)) != set(_FIELDS):
        raise ValueError(f"a config has the fields {', '.join(_FIELDS)}")
    for field, value in vars(config).items():
        if not isinstance(value, str if field == "gil" else bool):
            raise TypeError(f"{field} cannot be {value!r}")
    if config.gil not in _GIL:
        raise ValueError(f"unsupported gil {config.gil!r}")
