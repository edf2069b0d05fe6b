"""The secrets that sign callbacks, `SER_CALLBACK_SECRETS`."""

import re

_ENTRY = re.compile(
    r"((https?://)?(?P<host>[\w.-]+(:\d+)?)(?P<path>/[^\s=?#]*)?=)?(?P<secret>whsec_[A-Za-z0-9+/]{32,}=*)"
)


def parse_secrets(text: str) -> dict[str, list[str]]:
    """Parse the entries of the setting.

    Args:
        text: entries separated by commas: `whsec_…` for all receivers, `host[:port][/path]=whsec_…` for one.

    Returns:
        The secrets by receiver, `host[:port][/path]`; those for all others have the key "".

    Raises:
        ValueError: an entry is wrong. The message does not show it, because it may contain a secret.

    Example:
        >>> list(parse_secrets("https://desk.example:443/hooks/=whsec_" + 32 * "A"))
        ['desk.example/hooks']
    """
    secrets: dict[str, list[str]] = {}
    for entry in filter(None, text.split(",")):
        match = _ENTRY.fullmatch(entry)
        if match is None:
            raise ValueError(
                "each secret is `whsec_` followed by Base64, with `host=` or `host/path=` before it for "
                "one receiver; create one with `python -m app secret`"
            )
        receiver = (match["host"] or "").lower().removesuffix(":443") + (match["path"] or "").rstrip("/")
        secrets.setdefault(receiver, []).append(match["secret"])
    return secrets
