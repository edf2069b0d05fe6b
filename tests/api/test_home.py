from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.api import home

FOLDER = Path(home.__file__).parent / "page"
FILES = sorted(file.name for file in FOLDER.iterdir())


@pytest.mark.parametrize("address", ["/", *(f"/page/{name}" for name in FILES)])
def test_every_file_of_the_page_is_served_with_security_headers(client: TestClient, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer.content == (FOLDER / (address.removeprefix("/page/").strip("/") or home.INDEX)).read_bytes()
    policy = answer.headers["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'"} < set(policy)
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Permissions-Policy"] == "microphone=(self)"
    unchanged = client.get(address, headers={"If-None-Match": answer.headers["ETag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert client.head(address).status_code == 200


@pytest.mark.parametrize(
    ("suffix", "media_type"), [("js", "javascript"), ("css", "text/css"), ("svg", "svg")]
)
def test_the_files_of_the_page_have_the_correct_media_types(
    client: TestClient, suffix: str, media_type: str
) -> None:
    for name in (name for name in FILES if name.endswith(suffix)):
        assert media_type in client.get(f"/page/{name}").headers["Content-Type"]


@pytest.mark.parametrize("name", ["nothing.js", "%2e%2e", "..%2fhome.py", "%2e%2e%2fhome.py", "%00"])
def test_names_of_other_files_get_404(client: TestClient, name: str) -> None:
    answer = client.get(f"/page/{name}")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not-found"
