"""`python -m app key`: create an API key."""

import argparse
import hashlib
import secrets
from collections.abc import Sequence

from app.keys import KeyScope, parse_key


def make_key(arguments: Sequence[str]) -> int:
    """Create a key of 256 random bits, and print it with its entry for SER_API_KEYS.

    Returns:
        The exit status: 0; 2 if an argument is not valid, with the reason on stderr.
    """
    parser = argparse.ArgumentParser(prog="python -m app key", description="Create an API key.")
    parser.add_argument("name", help="the name of the caller")
    parser.add_argument("--scopes", help=f"some of {'+'.join(KeyScope)}; default: all except admin")
    parser.add_argument("--expires", help="the last valid day in UTC, such as 2027-03-31; default: none")
    parser.add_argument("--channels", help="the permitted channels, such as 0+1; default: SER_CHANNELS")
    values = vars(parser.parse_args(arguments))
    key = secrets.token_urlsafe(32)
    entry = f"{values.pop('name')}:{hashlib.sha256(key.encode()).hexdigest()}"
    entry += "".join(f" {name}={value}" for name, value in values.items() if value is not None)
    try:
        parse_key(entry)
    except ValueError as error:
        parser.error(str(error))
    print(f"key for the caller:      {key}")
    print(f"for SER_API_KEYS:        {entry}")
    return 0
