"""The entries of keys, their file, and the command that creates them."""

import hashlib
from datetime import date
from pathlib import Path

import pytest

from app import file_watch
from app.__main__ import main
from app.api.key_ring import KeyRing
from app.api.security import Authenticator, KeyExpired
from app.core.channels import ChannelPolicy
from app.keys import Key, KeyScope, parse_key
from app.settings import Settings
from testing.keys import line, write


def test_a_key_is_valid_on_its_last_day() -> None:
    today = date(2027, 3, 31)
    ring = KeyRing(lambda: [parse_key(line("caller", "expires=2027-03-31"))])
    authenticator = Authenticator(ring, ChannelPolicy(), lambda: today)
    assert authenticator.identify("caller", "").name == "caller"
    today = date(2027, 4, 1)
    with pytest.raises(KeyExpired):
        authenticator.identify("caller", "")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ("scopes=everything", "scopes: expected some of recognize"),
        ("scopes=", "scopes: expected"),
        ("scopes=jobs,live", "scopes: expected"),
        ("expires=soon", "expires: expected the last day"),
        ("channels=left", "channels: expected indices"),
        ("channel=1", "may have each of channels, expires, scopes once"),
        ("scopes=jobs scopes=live", "once"),
        ("channels=2", "key caller: SER_CHANNELS does not permit"),
    ],
)
def test_a_wrong_entry_is_refused_with_its_number(tmp_path: Path, fields: str, reason: str) -> None:
    write(tmp_path, line("other"), line("caller", fields))
    with pytest.raises(ValueError, match=reason) as error:
        Settings(api_keys_file=tmp_path / "keys", channels="0,1")
    assert "SER_API_KEYS_FILE, line 3:" in str(error.value) or "key caller:" in str(error.value)
    with pytest.raises(
        ValueError, match="SER_API_KEYS, entry 2: each entry starts with name:sha256"
    ) as error:
        Settings.model_validate({"api_keys": f"{line('other')}, the-key-itself"})
    assert "the-key-itself" not in error.value.errors()[0]["msg"]  # type: ignore[attr-defined]


def test_an_emptied_file_does_not_open_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_watch, "CHECK_SECONDS", 0.0)
    write(tmp_path, line("caller"))
    ring = KeyRing(Settings(api_keys_file=tmp_path / "keys").read_keys, tmp_path / "keys")
    write(tmp_path)
    assert [key.name for key in ring.keys] == ["caller"]


def test_two_keys_of_one_name_are_one_caller() -> None:
    keys = [Key("caller", hashlib.sha256(text.encode()).hexdigest()) for text in ("old", "new")]
    authenticator = Authenticator(KeyRing(lambda: keys), ChannelPolicy())
    assert {authenticator.identify(text, "").name for text in ("old", "new")} == {"caller"}


def test_the_command_creates_a_key_with_its_entry(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["key", "backend"]) == 0
    assert main(["key", "desk", "--scopes", "jobs+live", "--expires", "2027-03-31", "--channels", "1"]) == 0
    keys: list[str] = []
    entries: list[str] = []
    for text in capsys.readouterr().out.splitlines():
        (keys if text.startswith("key for the caller:") else entries).append(text.partition(": ")[2].strip())
    backend, desk = map(parse_key, entries)
    assert [hashlib.sha256(key.encode()).hexdigest() for key in keys] == [backend.sha256, desk.sha256]
    assert backend == Key("backend", backend.sha256)
    assert desk == Key(
        "desk", desk.sha256, frozenset({KeyScope.JOBS, KeyScope.LIVE}), date(2027, 3, 31), frozenset({1})
    )
    with pytest.raises(SystemExit):
        main(["key", "desk", "--scopes", "everything"])
    assert "scopes: expected some of recognize" in capsys.readouterr().err
