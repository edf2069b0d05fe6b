"""The licenses of the packages in the image, and the policy that they must meet.

Most packages state their license as an SPDX expression (PEP 639), or by a name that `NAMES` translates.
"""

from collections.abc import Iterable
from importlib.metadata import Distribution
from typing import Any

from license_expression import ExpressionError, get_spdx_licensing

LICENSING = get_spdx_licensing()
OPENSMILE = "LicenseRef-audEERING-Research"

ALLOWED = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "LGPL-2.1-or-later",
        "LGPL-3.0-only",
        "MIT",
        "MIT-0",
        "MPL-2.0",
        "PSF-2.0",
        "Zlib",
    }
)
"""Licenses that allow everyone to run, change and ship the service in a product.

The libraries under LGPL and MPL are files of their own that can be replaced, as these licenses demand.
"""
EXCEPTIONS = {"opensmile": OPENSMILE}
"""Packages whose license the policy does not allow. LICENSES.md says what follows for users."""

NAMES = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "BSD 3-Clause License": "BSD-3-Clause",
    "BSD-2-clause OR GPL-2.0-or-later": "BSD-2-Clause OR GPL-2.0-or-later",
    "MIT License": "MIT",
}
"""SPDX expressions of the names that packages use."""
STATED = {
    "colorama": "BSD-3-Clause",
    "duckdb": "MIT",
    "jinja2": "BSD-3-Clause",
    "obstore": "MIT",
    "opensmile": OPENSMILE,
    "partd": "BSD-3-Clause",
    "praatio": "MIT",
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
    "uvloop": "MIT OR Apache-2.0",
    "zict": "BSD-3-Clause",
}
"""SPDX expressions from the license texts of packages whose metadata are incomplete or wrong."""


def license_of(name: str, distributions: dict[str, Distribution]) -> str:
    """Return the SPDX expression of a package, or an empty text if its metadata have none.

    Args:
        name: the normalized name of the package.
        distributions: the installed packages by normalized name.
    """
    if name in STATED or name not in distributions:
        return STATED.get(name, "")
    metadata = distributions[name].metadata
    stated: str = (metadata.get_all("License-Expression") or metadata.get_all("License") or [""])[0]
    return NAMES.get(stated, stated)


def faults(components: Iterable[dict[str, Any]]) -> list[str]:
    """Return the packages of an SBOM whose license the policy does not allow, each with its license."""
    licensed = {
        part["name"]: part["licenses"][0].get("expression", "")
        for part in components
        if part.get("purl", "").startswith("pkg:pypi/")
    }
    return [
        f"{name}: {expression or 'unknown license'}"
        for name, expression in licensed.items()
        if EXCEPTIONS.get(name) != expression and not allowed(expression)
    ]


def allowed(expression: str) -> bool:
    """Return whether the policy allows an SPDX expression: all parts of `AND`, or one part of `OR`.

    Example:
        >>> allowed("MIT AND PSF-2.0"), allowed("BSD-2-Clause OR GPL-2.0-or-later"), allowed("GPL-2.0-only")
        (True, True, False)
    """
    try:
        parsed = LICENSING.parse(expression, validate=True)
    except ExpressionError:
        return False
    if parsed is None:  # an empty text
        return False
    permitted = {symbol: LICENSING.TRUE for symbol in parsed.symbols if symbol.key in ALLOWED}
    return bool(parsed.subs(permitted, simplify=True) == LICENSING.TRUE)
