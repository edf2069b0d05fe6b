"""Texts of the pages: numbers, times, and the tones of emotions. They agree with the page of the service."""

from collections.abc import Sequence

from app.core.manifest import UNDECIDED

TONES = ("anger", "surprise", "happiness", "sadness", "neutral")
SPARE_TONES = tuple(f"other-{number}" for number in range(6))
SPACE = "\u00a0"


def tone(label: str | None, labels: Sequence[str]) -> str:
    """Return the tone of a label, which is a color of `app/api/page/colors.css`.

    Another label than the five gets a spare tone by its position, and a tone of the five that no label has if
    there are more than six of them.

    Example:
        >>> tone("fear", ["anger", "fear"])
        'other-0'
    """
    if label is None or label == UNDECIDED:
        return UNDECIDED
    if label in TONES:
        return label
    others = [other for other in labels if other not in TONES]
    spare = (*SPARE_TONES, *(tone for tone in TONES if tone not in labels))
    return spare[others.index(label) % len(spare) if label in others else 0]


def percent(value: float | None) -> str:
    """Format a share, such as 73 %.

    Example:
        >>> percent(0.004).replace(SPACE, " "), percent(None)
        ('<1 %', '–')
    """
    if value is None:
        return "–"
    rounded = round(100 * value)
    return f"<1{SPACE}%" if rounded == 0 and value > 0 else f"{rounded}{SPACE}%"


def clock(seconds: float, decimals: int = 0) -> str:
    """Format a time as on a clock.

    Example:
        >>> clock(73), clock(3733), clock(3.94, 1)
        ('1:13', '1:02:13', '0:03.9')
    """
    unit = 10**decimals
    units = round(max(0.0, seconds) * unit)
    hours, minutes = units // (3600 * unit), units // (60 * unit) % 60
    width = 3 + decimals if decimals else 2
    rest = f"{units % (60 * unit) / unit:0{width}.{decimals}f}"
    return f"{hours}:{minutes:02}:{rest}" if hours else f"{minutes}:{rest}"


def lasting(seconds: float | None) -> str:
    """Format a duration with its two largest units.

    Example:
        >>> [lasting(each).replace(SPACE, " ") for each in (3.21, 312, 7384, 36_000_000)]
        ['3.2 s', '5 min 12 s', '2 h 3 min', '10,000 h']
    """
    if seconds is None:
        return "–"
    if seconds < 59.95:  # noqa: PLR2004  # rounds to a minute
        return f"{seconds:.1f}{SPACE}s"
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    parts = [(hours, "h"), (minutes, "min")] if hours else [(minutes, "min"), (rest, "s")]
    return " ".join(f"{number:,}{SPACE}{unit}" for number, unit in parts if number)


def count(number: int) -> str:
    """Format a number, such as 1,234."""
    return f"{number:,}"


def ceiling(values: Sequence[float]) -> float:
    """Return the end of a scale: a round number that is at least the largest value.

    Example:
        >>> ceiling([0.03, 0.17]), ceiling([730]), ceiling([])
        (0.2, 800.0, 1.0)
    """
    largest = max(values, default=0)
    if largest <= 0:
        return 1.0
    power = 10.0 ** (len(str(int(largest))) if largest >= 1 else 0)
    while power > largest:
        power /= 10
    return next(step * power for step in (1, 2, 3, 4, 5, 6, 8, 10) if step * power >= largest * (1 - 1e-9))
