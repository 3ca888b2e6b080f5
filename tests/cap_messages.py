"""CAP messages as a weather service sends them about the town of `tests.town`."""

from datetime import datetime, timedelta

from layers.cap_writing import write_cap
from layers.history import CLOCK
from riskmap.cap import CapAlert, CapArea, CapInfo, MsgType, Reference, Ring, Severity

SERVICE = "weather@430981"
MORNING = datetime(2026, 3, 2, 8, tzinfo=CLOCK)
OURS_RING: Ring = ((112.30, 28.80), (112.40, 28.80), (112.40, 28.90), (112.30, 28.90), (112.30, 28.80))
THEIRS_RING: Ring = tuple((lon + 0.2, lat) for lon, lat in OURS_RING)


def over(*rings: Ring, **more: object) -> CapArea:
    """An area of rings, or of what else is given."""
    return CapArea("沅江市", rings, **more)  # type: ignore[arg-type]


def info(*areas: CapArea, severity: Severity = "Extreme", event: str = "暴雨", **more: object) -> CapInfo:
    """What is told of rain, from 08:00 to 14:00."""
    said: dict[str, object] = {"onset": MORNING, "expires": MORNING + timedelta(hours=6), **more}
    language = str(said.pop("language", "zh-CN"))
    return CapInfo(language, ("Met",), event, "Immediate", severity, "Likely", areas=areas, **said)  # type: ignore[arg-type]


def message(
    number: str,
    *infos: CapInfo,
    msg_type: MsgType = "Alert",
    after_h: float = 0,
    about: tuple[str, ...] = (),
    **more: object,
) -> bytes:
    """A message sent some hours after 08:00, about earlier ones."""
    references = tuple(Reference(SERVICE, one, MORNING) for one in about)
    sent = MORNING + timedelta(hours=after_h)
    said: dict[str, object] = {"status": "Actual", "scope": "Public", **more}
    return write_cap(
        CapAlert(number, SERVICE, sent, msg_type=msg_type, infos=infos, references=references, **said)  # type: ignore[arg-type]
    )
