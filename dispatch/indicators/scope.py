"""What is looked at: a time range, half-open, and a district; and which incident is of which."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True)
class Scope:
    """From `begins` up to, not including, `ends` (aware); of one district, or of the city.

    Raises ValueError for a time without a zone and for a range that ends before it begins.
    """

    begins: datetime | None = None
    ends: datetime | None = None
    district: str | None = None
    _districts: dict[str, str] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for name, when in (("begins", self.begins), ("ends", self.ends)):
            if when is not None and when.tzinfo is None:
                raise ValueError(f"{name}: has no time zone")
        if self.begins is not None and self.ends is not None and self.ends < self.begins:
            raise ValueError("ends: is before begins")

    def learn(self, incident_id: str, district: str | None) -> None:
        """Note an incident's district: the first that an event names."""
        if district is not None:
            self.exists(district)
            if self.district is not None:
                self._districts.setdefault(incident_id, district)

    def exists(self, district: str) -> None:
        """Note that the log knows a district."""
        self._seen.add(district)

    @property
    def known(self) -> bool:
        """Whether any event was of the district, so that its figures mean something."""
        return self.district is None or self.district in self._seen

    def is_over(self, at: datetime) -> bool:
        """Return whether a time is after the range."""
        return self.ends is not None and at >= self.ends

    def covers(self, at: datetime) -> bool:
        """Return whether a time is within the range."""
        return (self.begins is None or at >= self.begins) and not self.is_over(at)

    def has(self, incident_id: str | None, district: str | None = None) -> bool:
        """Return whether an incident (else a district that is named) is looked at."""
        if self.district is None:
            return True
        found = district if incident_id is None else self._districts.get(incident_id, district)
        return found == self.district

    def counts(self, at: datetime, incident_id: str | None) -> bool:
        """Return whether what happened to an incident at a time is counted."""
        return self.covers(at) and self.has(incident_id)
