"""`docs/deploy.md` describes the deployment files correctly."""

import re
import shlex
from itertools import pairwise

import yaml

from testing.recordings import ROOT

PAGE = (ROOT / "docs" / "deploy.md").read_text()
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def test_every_compose_command_names_existing_profiles_and_services() -> None:
    commands = re.findall(r"docker compose (?:--profile|up|logs)[^`\n]*", PAGE)
    assert len(commands) > 5
    profiles = {name for service in COMPOSE["services"].values() for name in service.get("profiles", [])}
    for command in commands:
        words = shlex.split(command)[2:]
        named = [after for word, after in pairwise(words) if word == "--profile"]
        assert set(named) <= profiles, command
        rest = [word for word in words if not word.startswith("-") and word not in named]
        assert rest[0] in {"up", "logs"}, command
        assert set(rest[1:]) <= set(COMPOSE["services"]), command


def test_the_page_names_the_settings_that_the_compose_file_fixes() -> None:
    variables = COMPOSE["services"]["service"]["environment"]
    fixed = {name for name, value in variables.items() if f"${{{name}:" not in value}
    paragraph = PAGE.partition("The Compose file itself sets")[2].partition("\n\n")[0]
    named = set(re.findall(r"`(SER_\w+)`", paragraph))
    assert named == {name for name in fixed if name.startswith("SER_")}


def test_every_alert_is_in_the_table() -> None:
    alerts = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())["groups"][0]["rules"]
    rows = re.findall(r"^\| `([A-Z][a-z]\w+)` \|", PAGE, re.MULTILINE)
    assert rows == [alert["alert"] for alert in alerts]


def test_the_documented_defaults_equal_those_of_the_files() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    nginx = (ROOT / "deploy" / "nginx" / "nginx.conf").read_text()
    rows = dict(re.findall(r"^\| `?([^`|]+?)`? \| ([\w, ]+) \|", PAGE, re.MULTILINE))
    for name in ("SER_WORKERS", "SER_QUEUE_DEPTH", "TMP_SIZE", "MEMORY"):
        assert f"${{{name}:-{rows[name]}}}" in text
    assert rows["nginx: bodies"].split(", ") == re.findall(r"client_max_body_size (\w+);", nginx)
    timeouts = re.findall(r"^\| nginx: [^|]+ \| (\d+s) \|", PAGE, re.MULTILINE)
    assert timeouts == re.findall(r"proxy_read_timeout (\w+);", nginx)
