"""A token of a PKCS#11 module, as this process uses it.

python-pkcs11 starts a module without locks of its own (`C_Initialize(NULL)`), so one caller at a time goes into a
module, whichever of its tokens it asks. A module is begun anew by a child of a fork before it uses it (PKCS#11 2.20,
6.6.1), and by a process whose token went away: sessions and handles from before are worth nothing then. All that a
module raises is a RuntimeError, and so is that a library can't be loaded.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog

from gateway.errors import Misconfigured, Unavailable

R = TypeVar("R")
T = TypeVar("T")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Wanted:
    """A key inside a token: its class and kind (of `pkcs11.ObjectClass` and `pkcs11.KeyType`), and its label."""

    object_class: Any
    kind: Any
    label: str


class Token:
    """One token, opened when it is first asked.

    Takes the module's library, the token's label and PIN, and in which settings these stand. Raises Misconfigured when
    the package for hardware modules isn't installed.
    """

    def __init__(self, module: str, label: str, pin: str, *, settings: str) -> None:
        library()
        self._module = _modules.setdefault(_real(module), _Module(_real(module)))
        self._label, self._pin, self._settings = label, pin, settings
        self._is_pin_refused = False

    def use(self, act: Callable[[Any], T]) -> T:
        """Give what `act` makes of an open session.

        When the token doesn't answer, the module is begun anew and asked once more. Raises Unavailable when the token
        can't be opened then either, and the module's own error when it opens but refuses the act.
        """
        return self._twice(lambda: self._opened().session, act)

    def ask(self, key: Wanted, act: Callable[[Any], T]) -> T:
        """Give what `act` makes of a key of the token; raises as `use`, and Unavailable when there is no such key."""
        return self._twice(lambda: self._found(key), act)

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """Give a session that may make and destroy keys.

        Raises Unavailable when it can't be opened. A token has one login in a process, so what is open is closed first.
        """
        with self._module.lock:
            self._module.forget()
            try:
                yield self._reached(lambda: self._open(writing=True))
            finally:
                self._module.forget()

    def _twice(self, reach: Callable[[], R], act: Callable[[R], T]) -> T:
        with self._module.lock:
            try:
                return act(reach())
            except RuntimeError as error:
                _log.warning("token_begun_anew", error=type(error).__name__)
                self._module.forget()
            return act(self._reached(reach))

    def _opened(self) -> _Opened:
        name = (self._label, self._pin)
        if name not in self._module.opened:
            session = self._open(writing=False)
            self._module.opened[name] = _Opened(session, {})
        return self._module.opened[name]

    def _found(self, key: Wanted) -> Any:
        opened = self._opened()
        if key not in opened.keys:
            opened.keys[key] = opened.session.get_key(
                object_class=key.object_class, key_type=key.kind, label=key.label
            )
        return opened.keys[key]

    def _open(self, *, writing: bool) -> Any:
        """Give a session. A PIN that was refused is not tried again: a few more times would lock the token."""
        if self._is_pin_refused:
            raise self._pin_refused()
        try:
            return (
                self._module.begun().get_token(token_label=self._label).open(user_pin=self._pin, rw=writing)
            )
        except _pin_refusals() as error:
            self._is_pin_refused = True
            raise self._pin_refused() from error

    def _reached(self, reach: Callable[[], R]) -> R:
        known = library().exceptions
        try:
            return reach()
        except (known.NoSuchKey, known.MultipleObjectsReturned) as error:
            raise Unavailable(
                "The hardware token doesn't hold just one key of that label.",
                next_step="Make it (`gateway keys root`, `gateway keys ledger`), or correct the label.",
            ) from error
        except RuntimeError as error:
            raise Unavailable(
                "The hardware module doesn't open its token.",
                next_step=f"Put the token back, or check {self._settings}.",
            ) from error

    def _pin_refused(self) -> Unavailable:
        return Unavailable(
            "The hardware token refuses its PIN.",
            next_step=f"Check {self._settings}, and start the gateway again: it doesn't try the PIN twice.",
        )


@contextmanager
def at_start() -> Iterator[None]:
    """Make what keeps a token from answering a reason not to start: Misconfigured instead of Unavailable."""
    try:
        yield
    except Unavailable as error:
        raise Misconfigured(error.message, next_step=error.next_step) from error


@dataclass(frozen=True)
class _Opened:
    session: Any
    keys: dict[Wanted, Any]


class _Module:
    """A library of a maker of tokens, once in a process."""

    def __init__(self, path: str) -> None:
        self.lock = threading.RLock()
        self.opened: dict[tuple[str, str], _Opened] = {}
        self._path = path
        self._library: Any = None
        self._is_stale = False

    def begun(self) -> Any:
        """Give the library, begun anew when what was open in it is worth nothing any more."""
        if self._library is not None and self._is_stale:
            with suppress(RuntimeError):
                self._library.finalize()
        self._library = library().lib(self._path)
        self._is_stale = False
        return self._library

    def forget(self) -> None:
        """Let go of all sessions."""
        self.opened.clear()
        self._is_stale = True

    def after_fork(self) -> None:
        """In a child: another thread of the parent may hold the lock, and the sessions are the parent's."""
        self.lock = threading.RLock()
        self.forget()


_modules: dict[str, _Module] = {}


def _after_fork() -> None:
    for module in _modules.values():
        module.after_fork()


os.register_at_fork(after_in_child=_after_fork)


def library() -> Any:
    """Give the package for hardware modules. Raises Misconfigured when it isn't installed."""
    try:
        import pkcs11
    except ImportError as error:
        raise Misconfigured(
            "The package for hardware modules isn't installed.",
            next_step="Install disclosure-gateway[pkcs11].",
        ) from error
    return pkcs11


def _pin_refusals() -> tuple[type[Exception], ...]:
    known = library().exceptions
    return (known.PinIncorrect, known.PinInvalid, known.PinLenRange, known.PinExpired, known.PinLocked)


def _real(module: str) -> str:
    """One library by two paths is one: it may be begun only once."""
    return os.path.realpath(module) if os.path.exists(module) else module
