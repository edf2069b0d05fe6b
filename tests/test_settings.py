import hashlib
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from app.core.channels import ChannelPolicy
from app.settings import Settings

HASH = hashlib.sha256(b"key").hexdigest()


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SER_PORT", "9000")
    monkeypatch.setenv("SER_MODELS_DIR", "/srv/models")
    settings = Settings()
    assert (settings.port, settings.models_dir, settings.host) == (9000, Path("/srv/models"), "127.0.0.1")


def test_keys_come_from_the_environment_and_a_file(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# rotated in May\nbackend-2:{HASH}\n\n")
    assert Settings(api_keys=f"backend-1:{HASH}", api_keys_file=file).key_hashes == {
        "backend-1": HASH,
        "backend-2": HASH,
    }


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_loopback_needs_no_keys(host: str) -> None:
    assert Settings(host=host).host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.7", "::", "service.internal"])
def test_any_other_address_needs_keys_or_explicit_permission(host: str) -> None:
    with pytest.raises(ValidationError, match="SER_ALLOW_UNAUTHENTICATED"):
        Settings(host=host)
    assert Settings(host=host, api_keys=f"backend:{HASH}").host == host
    assert Settings(host=host, allow_unauthenticated=True).host == host


@pytest.mark.parametrize("secret", ["", "c2hvcnQ=", "not Base64, although it is long enough"])
def test_the_secret_of_audiohook_is_base64_and_never_shown(secret: str) -> None:
    assert str(Settings(audiohook_secret=SecretStr("A" * 32)).audiohook_secret) == "**********"
    with pytest.raises(ValidationError) as error:
        Settings(audiohook_secret=SecretStr(secret))
    assert not secret or secret not in str(error.value)


def test_each_receiver_can_have_its_own_secrets() -> None:
    old, new = (f"whsec_{letter * 43}=" for letter in "AB")
    entries = (
        f"{new},{old},One.Example:443/Hooks/={new},https://one.example/Hooks={old},two.example:8443={old}"
    )
    assert Settings(callback_secrets=entries).signing_secrets == {
        "": [new, old],
        "one.example/Hooks": [new, old],
        "two.example:8443": [old],
    }


@pytest.mark.parametrize(
    "receiver", ["=", "one.example?of=it=", "one example=", "one.example ", "one.example:", "one.example:x="]
)
def test_an_invalid_secret_of_a_receiver_is_refused_and_never_shown(receiver: str) -> None:
    secret = f"whsec_{'A' * 43}="
    with pytest.raises(ValidationError, match="host/path=") as error:
        Settings(callback_secrets=f"{receiver}{secret}")
    assert secret not in str(error.value)


def test_channels_are_indices() -> None:
    assert Settings().channel_policy == ChannelPolicy()
    assert Settings(channels="0,1").channel_policy == ChannelPolicy.of([0, 1])
