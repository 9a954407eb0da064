"""
The one way in which capabilities are declared: what has one has its members, what requires one names it in ``needs``.

A model, a corpus, a clip format or an augmentation has an optional capability if it has all members of the protocol;
a function says that it wants to be told something by a parameter of that name (``context``, ``clip_format``). A basis
names what it needs of a model, an augmentation, attribute or comparison what it needs of a clip format.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

T = TypeVar("T")


def capability(offer: object, protocol: type[T]) -> T | None:
    """
    The offer as one with an optional capability, None if it lacks a member of it.

    Members are looked up with ``getattr``, so a wrapper that passes on unknown names has the capabilities of what it
    wraps. ``isinstance`` no longer sees those: from Python 3.12 on it looks members up statically.

    Args:
        offer: A model, a corpus, a clip format or an augmentation.
        protocol: The capability (:class:`~latentknobs.core.backend.LatentGradient`, ...).
    """
    members = [name for name in vars(protocol) if not name.startswith("_")]
    return cast(T, offer) if all(hasattr(offer, name) for name in members) else None


def takes(function: Callable[..., Any], name: str) -> bool:
    """Whether a function has a parameter of that name."""
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):  # a function without a signature: written in C
        return False
