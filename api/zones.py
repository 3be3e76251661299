"""Time zones of countries: in which one a project's public deadlines run, and where that has to be asked."""

from collections.abc import Mapping
from functools import cache
from zoneinfo import ZoneInfo

from babel.core import get_global

SEAT_OF_GOVERNMENT: Mapping[str, str] = {
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "CD": "Africa/Kinshasa",
    "CL": "America/Santiago",
    "CN": "Asia/Shanghai",
    "EC": "America/Guayaquil",
    "ES": "Europe/Madrid",
    "ID": "Asia/Jakarta",
    "KZ": "Asia/Almaty",
    "MN": "Asia/Ulaanbaatar",
    "MX": "America/Mexico_City",
    "MY": "Asia/Kuala_Lumpur",
    "NZ": "Pacific/Auckland",
    "PG": "Pacific/Port_Moresby",
    "PT": "Europe/Lisbon",
    "RU": "Europe/Moscow",
    "US": "America/New_York",
    "UZ": "Asia/Tashkent",
    "VN": "Asia/Ho_Chi_Minh",
}
"""The zone of the capital, where a country has several or tz names several for it."""


@cache
def zones_of(country: str) -> tuple[str, ...]:
    """Return the IANA zones of a country, in the order of their names.

    >>> zones_of("ID"), zones_of("SA"), zones_of("ZZ")
    (('Asia/Jakarta', 'Asia/Jayapura', 'Asia/Makassar', 'Asia/Pontianak'), ('Asia/Riyadh',), ())
    """
    territories = get_global("zone_territories").items()
    return tuple(sorted(zone for zone, territory in territories if territory == country and "Etc/" not in zone))


@cache
def zone_of(country: str, stated: str | None = None) -> ZoneInfo | None:
    """Return the zone in which a project's public deadlines run: the one stated, else the only one or the capital's.

    None where that cannot be told from the country.

    >>> zone_of("ID").key, zone_of("ID", "Asia/Makassar").key, zone_of("SA").key, zone_of("ZZ")
    ('Asia/Jakarta', 'Asia/Makassar', 'Asia/Riyadh', None)
    """
    zones = zones_of(country)
    name = stated or SEAT_OF_GOVERNMENT.get(country) or (zones[0] if len(zones) == 1 else None)
    return ZoneInfo(name) if name else None


def to_be_asked(country: str, stated: str | None) -> tuple[str, ...]:
    """Return the zones to choose from, where a country has several and none was stated.

    >>> len(to_be_asked("ID", None)), to_be_asked("ID", "Asia/Makassar"), to_be_asked("SA", None)
    (4, (), ())
    """
    zones = zones_of(country)
    return zones if stated is None and len(zones) > 1 else ()
