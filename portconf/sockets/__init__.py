"""
What listens and who owns it: the one place that asks the kernel.

What is listed in `__all__` is loaded when first asked for: a command that asks
nothing of the kernel pays for no `socket`.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portconf.sockets.binding import bindable, unusable
    from portconf.sockets.docker import containers
    from portconf.sockets.glance import anybody
    from portconf.sockets.holders import owners
    from portconf.sockets.holding import (
        Held,
        adopt,
        can_hold,
        can_leave,
        hold,
        leave,
        serve,
        silent,
    )
    from portconf.sockets.kernel import ephemeral_range, namespace
    from portconf.sockets.listeners import listening
    from portconf.sockets.lives import ended, started
    from portconf.sockets.traces import Bindable
    from portconf.sockets.users import user_name

__all__ = [
    "Bindable",
    "Held",
    "adopt",
    "anybody",
    "bindable",
    "can_hold",
    "can_leave",
    "containers",
    "ended",
    "ephemeral_range",
    "hold",
    "leave",
    "listening",
    "namespace",
    "owners",
    "serve",
    "silent",
    "started",
    "unusable",
    "user_name",
]

_HOMES = {
    "Bindable": "traces",
    "Held": "holding",
    "adopt": "holding",
    "anybody": "glance",
    "bindable": "binding",
    "can_hold": "holding",
    "can_leave": "holding",
    "containers": "docker",
    "ended": "lives",
    "ephemeral_range": "kernel",
    "hold": "holding",
    "leave": "holding",
    "listening": "listeners",
    "namespace": "kernel",
    "owners": "holders",
    "serve": "holding",
    "silent": "holding",
    "started": "lives",
    "unusable": "binding",
    "user_name": "users",
}


if not TYPE_CHECKING:  # or a checker would take any name for one of ours

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415 - not needed to start

        value = getattr(import_module(f"portconf.sockets.{_HOMES[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__
