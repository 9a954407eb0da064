"""Optional capabilities of models and corpora: an offer has one if it has all of the protocol's members."""

from __future__ import annotations

from typing import TypeVar, cast

T = TypeVar("T")


def capability(offer: object, protocol: type[T]) -> T | None:
    """
    The offer as one with an optional capability, None if it lacks a member of it.

    Members are looked up with ``getattr``, so a wrapper that passes on unknown names has the capabilities of what it
    wraps. ``isinstance`` no longer sees those: from Python 3.12 on it looks members up statically.

    Args:
        offer: A model or a corpus.
        protocol: The capability (:class:`~latentknobs.core.backend.LatentGradient`, ...).
    """
    members = [name for name in vars(protocol) if not name.startswith("_")]
    return cast(T, offer) if all(hasattr(offer, name) for name in members) else None
