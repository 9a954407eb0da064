"""Which latent dimensions count as active: one limit, used everywhere."""

from __future__ import annotations

ACTIVE_VARIANCE = 0.01
"""A dimension is active where the variance of its means is above this (Burda, Grosse & Salakhutdinov 2016)."""
