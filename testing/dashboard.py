"""The dashboard of Grafana, and its queries without Grafana."""

import json
from typing import Any

from testing.recordings import ROOT

DASHBOARD: dict[str, Any] = json.loads(
    (ROOT / "deploy" / "grafana" / "dashboards" / "speech-emotion.json").read_text()
)
VARIABLES = {"$__rate_interval": "1m", "$instance": ".*", "$model": ".*"}
"""The values of Grafana's variables: four times the interval of the scrapes, all replicas and all models."""


def query(expression: str) -> str:
    """Return a query of a panel with the values of the variables."""
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return expression
