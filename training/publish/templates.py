"""Rendering of the templates of this package to Markdown."""

from jinja2 import Environment, PackageLoader, StrictUndefined


def render(template: str, **values: object) -> str:
    """Render a template.

    Args:
        template: the name of a template in this package.
        **values: the values of all variables of the template.

    Returns:
        The rendered Markdown.
    """
    environment = Environment(
        loader=PackageLoader("training.publish", "."),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  # nosec B701  # Markdown, from our own numbers
    )
    environment.filters["percent"] = lambda share: "–" if share is None else f"{share:.1%}"
    environment.filters["plus_minus"] = lambda values: plus_minus(values.mean, values.sd)
    return environment.get_template(template).render(**values)


def plus_minus(mean: float, sd: float | None) -> str:
    """Format a mean and a standard deviation as percentages."""
    return f"{mean:.1%}" if sd is None else f"{mean:.1%} ± {sd:.1%}"
