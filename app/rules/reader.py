"""The reader of a file of rules. It reports every fault with its line."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from app.core.channels import ChannelPolicy
from app.core.errors import ChannelNotPermitted
from app.rules.document import Document, Place, read_document
from app.rules.errors import Fault, RulesInvalid
from app.rules.rule import Rule
from app.rules.schema import ConditionWords, RulesFile, words_at

SHOWN = 40
"""The maximum length of a value in a message."""


def read_rules(path: Path, labels: Collection[str], policy: ChannelPolicy) -> tuple[Rule, ...]:
    """Read a file of rules, and check that they can match.

    Args:
        path: the path of the file.
        labels: the labels of all served bundles.
        policy: the permitted channels.

    Returns:
        The rules, in the order of the file.

    Raises:
        RulesInvalid: the file is not valid. The message has the line of each fault, and what is allowed.
    """
    document = read_document(path)
    try:
        file = RulesFile.model_validate(document.value)
    except ValidationError as error:
        faults = [_fault(document, details) for details in error.errors()]
        raise RulesInvalid.of(str(path), faults) from error
    faults = list(_faults(document, file, labels, policy))
    if faults:
        raise RulesInvalid.of(str(path), faults)
    return tuple(words.rule() for words in file.rules)


def _fault(document: Document, details: Any) -> Fault:  # noqa: ANN401  # a typed dictionary of pydantic_core
    """Describe an error of pydantic."""
    place = details["loc"]
    word = next((step for step in reversed(place) if isinstance(step, str)), "")
    match details["type"]:
        case "extra_forbidden":
            text = f"unknown word `{word}`; allowed here: {words_at(place)}"
        case "missing":
            text = f"`{word}` is missing"
            place = place[:-1]
        case "value_error":
            message = str(details["ctx"]["error"])
            text = f"`{word}` {message}" if message.startswith("must") else message
        case "model_type" | "model_attributes_type":
            text = f"expected words with values here, such as `{words_at((*place, ''))}`".replace("``", "`")
        case "string_pattern_mismatch":
            text = f"`{word}` must be lower-case words and digits, joined by hyphens, such as angry-customer"
        case "too_short":
            text = f"`{word}` must not be empty"
        case kind:
            value = repr(details["input"])
            shown = value if len(value) <= SHOWN else f"{value[:SHOWN]}…"
            message = details["msg"].replace("Input should be", "must be")
            hint = "; put the text in quotes" if kind == "string_type" else ""
            text = f"`{word}` {message[0].lower()}{message[1:]}, not {shown}{hint}"
    return Fault(document.line_of(place), text)


def _faults(
    document: Document, file: RulesFile, labels: Collection[str], policy: ChannelPolicy
) -> Iterator[Fault]:
    """Find the names, emotions and channels that are not allowed."""
    names: dict[str, int] = {}
    for index, words in enumerate(file.rules):
        line = document.line_of(("rules", index, "name"))
        if words.name in names:
            yield Fault(line, f"the rule in line {names[words.name]} already has the name {words.name}")
        names.setdefault(words.name, line)
        for place, condition in _conditions(("rules", index, "when"), words.when):
            for number, emotion in enumerate(condition.emotion or ()):
                if emotion not in labels:
                    line = document.line_of((*place, "emotion", number))
                    yield Fault(line, f"no model has the emotion {emotion!r}; allowed: {', '.join(labels)}")
            if condition.channel is not None:
                try:
                    policy.check([condition.channel])
                except ChannelNotPermitted as error:
                    yield Fault(document.line_of((*place, "channel")), str(error))


def _conditions(place: Place, words: ConditionWords) -> Iterator[tuple[Place, ConditionWords]]:
    """Yield a condition and all conditions inside it, each with its place."""
    yield place, words
    for steps, part in words.parts:
        yield from _conditions((*place, *steps), part)
