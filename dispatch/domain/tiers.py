"""Tiers of hospitals for cases: designated, reserve, temporary; the next is called in half full.

Source: work plans; domain, transfers and hospitals.
"""

from dispatch.domain.city import City


def step(city: City) -> None:
    """Call the next tier in where one has reached the pack's share of its capacity."""
