"""The environment of the pages: templates that escape every value, and one style.

File names and metadata may be hostile. So a page has no script, and forbids scripts and requests.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.core.manifest import UNDECIDED
from app.reports.text import ceiling, clock, count, lasting, percent, tone

if TYPE_CHECKING:
    import jinja2

FOLDER = Path(__file__).parent / "templates"
COLORS = Path(__file__).parent.parent / "api" / "page"
"""The folder of `colors.css`, whose colors are those of the page of the service."""


def check_installed() -> None:
    """Check that pages can be written.

    Raises:
        ValueError: the extra `bulk` is not installed.
    """
    try:
        _environment()
    except ImportError as error:
        raise ValueError("HTML pages: install the extra `bulk` (requirements/bulk.txt)") from error


def render(template: str, **values: Any) -> str:  # noqa: ANN401  # templates show values of any type
    """Render a template to a page, which can be encoded in UTF-8.

    Args:
        template: the name of the template.
        **values: the values of the template.
    """
    text = _environment().get_template(template).render(**values)
    # The name of a file may contain bytes that are not valid UTF-8.
    return text.encode("utf-8", "replace").decode()


@cache
def _environment() -> "jinja2.Environment":
    """Create the environment once."""
    import jinja2  # noqa: PLC0415  # an extra

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([FOLDER, COLORS]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"clock": clock, "count": count, "lasting": lasting, "percent": percent}
    environment.globals |= {"tone": tone, "ceiling": ceiling, "UNDECIDED": UNDECIDED}
    return environment
