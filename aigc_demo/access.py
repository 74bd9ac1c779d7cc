"""Whose run it is: who may see and steer what on a page that several people share.

A browser or a program sends a secret of its own with each request. A run keeps a hash of the
secret of whoever started it (``owner.json``), so that nobody who reads the disk can steer it. The
page says who asks with `acting_as`; whoever uses the package without a page is the host, who may
do everything.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from aigc_demo import settings
from aigc_demo.errors import BadValue

OWNER = "owner.json"  # in the directory of a run
PICTURES = "pictures.safetensors"  # there, too: somebody's own data set
MIN_SECRET, MAX_SECRET = 16, 200  # characters


@dataclass(frozen=True)
class Visitor:
    """Who asks: `owner` is the hash of their secret, empty where they sent none; `address` is
    where the request came from, if that is known.
    """

    owner: str = ""
    host: bool = False
    address: str = ""


HOST = Visitor(host=True)
_visitor: ContextVar[Visitor] = ContextVar("visitor", default=HOST)


def visitor_with(secret: str, host_key: str = "", address: str = "") -> Visitor:
    """Return the visitor with a secret at an address, who is the host with the host's key, or
    where the page is for one's own machine.
    """
    wanted = settings.host_key()
    is_host = bool(wanted) and hmac.compare_digest(host_key.encode(), wanted.encode())
    usable = MIN_SECRET <= len(secret) <= MAX_SECRET
    owner = hashlib.sha256(secret.encode()).hexdigest() if usable else ""
    return Visitor(owner, is_host or settings.profile() == "own", address)


def visitor() -> Visitor:
    """Return who asks."""
    return _visitor.get()


@contextlib.contextmanager
def acting_as(who: Visitor) -> Iterator[None]:
    """Do what stands below for `who`."""
    token = _visitor.set(who)
    try:
        yield
    finally:
        _visitor.reset(token)


def claim(run: Path) -> None:
    """Write down that a run belongs to who asks, if that is a visitor."""
    if owner := visitor().owner:
        (run / OWNER).write_text(json.dumps({"owner": owner}), encoding="utf-8")


def owner_of(run: Path) -> str:
    """Return the hash of the secret of a run's owner; nothing for a run of the host's."""
    try:
        owner = json.loads((run / OWNER).read_text(encoding="utf-8"))["owner"]
    except (OSError, ValueError, LookupError, TypeError):
        return ""
    return owner if isinstance(owner, str) else ""


def may_steer(run: Path) -> bool:
    """Tell whether who asks may pause, stop, resume, discard and download a run."""
    who = visitor()
    return who.host or bool(who.owner) and hmac.compare_digest(who.owner, owner_of(run))


def may_see(run: Path) -> bool:
    """Tell whether who asks may watch a run and use its model: their own, and where runs are
    shared (``AIGC_SHARED_RUNS``) those of others, unless they learn from somebody's own pictures.
    """
    if may_steer(run):
        return True
    return bool(settings.whole("AIGC_SHARED_RUNS")) and not (run / PICTURES).exists()


def check_steers(run: Path) -> None:
    """Raise BadValue where who asks may not steer a run."""
    if not may_steer(run):
        raise BadValue(
            "run: it belongs to somebody else; steer it from the browser that started it, or with "
            "the host's key."
        )


def check_host(what: str) -> None:
    """Raise BadValue where who asks is not the host; `what` names the field and what it asks."""
    if not visitor().host:
        raise BadValue(f"{what} is for the host of this studio, with the host's key.")
