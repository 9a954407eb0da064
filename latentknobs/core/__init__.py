"""Frozen values and protocols; imports numpy and attrs only."""
