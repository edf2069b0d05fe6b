"""`python -m app rules check`: check a file of rules as the service does at its start."""

import sys
from pathlib import Path

from pydantic import ValidationError

from app.answer_builder import AnswerBuilder
from app.core.bundle import find_bundles, read_bundle
from app.core.errors import BundleError
from app.rules.errors import RulesInvalid
from app.settings import Settings


def check_rules(name: str | None) -> int:
    """Check a file of rules against the served bundles and the permitted channels, and list its rules.

    Args:
        name: the path of the file; None: the file of SER_RULES.

    Returns:
        The exit status: 0; 2 if the file, a setting or a bundle is not valid, with the reasons on stderr.
    """
    try:
        settings = Settings(host="127.0.0.1")  # no server listens, so no keys are needed
        path = settings.rules if name is None else Path(name)
        folders = find_bundles(settings.models_dir, settings.default_model)
        manifests = {folder.name: read_bundle(folder).manifest for folder in folders}
        rules = AnswerBuilder.of(settings.model_copy(update={"rules": path}), manifests).rules
    except (BundleError, RulesInvalid, ValidationError) as error:
        print(error, file=sys.stderr)
        return 2
    if not rules:
        print("SER_RULES is not set. Set it, or name the file to check.", file=sys.stderr)
        return 2
    width = max(len(rule.name) for rule in rules)
    for rule in rules:
        moment = "during and after the call" if rule.is_live else "after the call"
        print(f"{rule.name:{width}}  {rule.severity:8}  {moment}")
    print(f"{path}: {len(rules)} rules are valid")
    return 0
