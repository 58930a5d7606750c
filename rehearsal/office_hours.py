"""When the reps of the rehearsal world work, and when they are busy with things of their own. Pure, and the same for
one seed: a rep who was busy on Tuesday at ten stays so."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

HALF_HOUR = timedelta(minutes=30)


@dataclass(frozen=True)
class OfficeHours:
    """One rep's week: working days from `opens` to `closes` in their own zone, with an hour for lunch."""

    name: str
    zone: str
    seed: int
    opens: time = time(9)
    closes: time = time(17)
    lunch: time = time(12)
    busy_share: float = 0.3
    """Share of the half hours at work that are taken by meetings of their own."""

    def half_hours(self, day: date) -> list[datetime]:
        """Starts (UTC) of the half hours at work of one local day, busy or not."""
        if day.weekday() >= 5:
            return []
        zone = ZoneInfo(self.zone)
        moment = datetime.combine(day, self.opens, zone)
        lunch = datetime.combine(day, self.lunch, zone)
        end = datetime.combine(day, self.closes, zone)
        starts = []
        while moment + HALF_HOUR <= end:
            if not lunch <= moment < lunch + 2 * HALF_HOUR:
                starts.append(moment.astimezone(UTC))
            moment += HALF_HOUR
        return starts

    def is_busy(self, start: datetime) -> bool:
        """Whether a meeting of their own takes the half hour that starts at `start`."""
        instant = start.astimezone(UTC).isoformat()
        return Random(f"{self.seed}:{self.name}:{instant}").random() < self.busy_share

    def days(self, start: datetime, end: datetime) -> list[date]:
        """Local days that the time from `start` to `end` touches."""
        zone = ZoneInfo(self.zone)
        day, last = start.astimezone(zone).date(), end.astimezone(zone).date()
        days = []
        while day <= last:
            days.append(day)
            day += timedelta(days=1)
        return days

    def free(self, start: datetime, end: datetime) -> list[datetime]:
        """Starts (UTC) of free half hours, from `start` up to but not including `end`."""
        return [moment for moment in self._at_work(start, end) if not self.is_busy(moment)]

    def busy(self, start: datetime, end: datetime) -> list[datetime]:
        """Starts (UTC) of the half hours that meetings of their own take and that overlap the time given."""
        return [
            moment
            for moment in self._at_work(start - HALF_HOUR, end)
            if self.is_busy(moment) and moment + HALF_HOUR > start
        ]

    def lunches(self, start: datetime, end: datetime) -> list[datetime]:
        """Starts (UTC) of the lunch hours that overlap the time given."""
        zone = ZoneInfo(self.zone)
        days = [day for day in self.days(start - 2 * HALF_HOUR, end) if day.weekday() < 5]
        lunches = [datetime.combine(day, self.lunch, zone).astimezone(UTC) for day in days]
        return [moment for moment in lunches if moment < end and start < moment + 2 * HALF_HOUR]

    def _at_work(self, start: datetime, end: datetime) -> list[datetime]:
        return [moment for day in self.days(start, end) for moment in self.half_hours(day) if start <= moment < end]
