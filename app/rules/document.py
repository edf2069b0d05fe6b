"""A YAML document whose values know their lines.

An operator writes the document, but may have copied it from elsewhere. Therefore its size, its depth and its
tags are bounded, and aliases, whose copies could fill the memory, are refused.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from app.rules.errors import Fault, RulesInvalid

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32
MAX_NUMBER = 10**9
"""The largest whole number. A larger one would be no count, channel or time, and may not fit into a float."""
Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A document.

    Attributes:
        value: the document as mappings, lists and scalars.
        lines: the line of each value, counted from 1, by the keys and indices that lead to it.
    """

    value: Any
    lines: dict[Place, int] = field(default_factory=dict)

    def line_of(self, place: Sequence[str | int]) -> int:
        """Return the line of a value, or of the nearest value around it.

        Args:
            place: keys and indices. Those that the document lacks are ignored.
        """
        known: Place = ()
        for step in place:
            if (*known, step) in self.lines:
                known = (*known, step)
        return self.lines[known]


def read_document(path: Path) -> Document:
    """Read a file.

    Raises:
        RulesInvalid: the file cannot be read, or is not such a document.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise RulesInvalid(f"{path}: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise RulesInvalid(f"{path}: the file is larger than {MAX_BYTES} bytes. Use fewer rules.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RulesInvalid.of(str(path), [Fault(line, "the text is not UTF-8")]) from error
    try:
        return _parse(text)
    except _Refused as error:
        raise RulesInvalid.of(str(path), [error.fault]) from error
    except yaml.MarkedYAMLError as error:
        line = 1 if error.problem_mark is None else error.problem_mark.line + 1
        text = " ".join(filter(None, [error.context, error.problem]))
        raise RulesInvalid.of(str(path), [Fault(line, f"this is not valid YAML: {text}")]) from error
    except yaml.YAMLError as error:
        raise RulesInvalid(f"{path}: this is not valid YAML: {error}") from error


class _Refused(Exception):
    def __init__(self, node: yaml.Node | yaml.Event, text: str) -> None:
        super().__init__(text)
        self.fault = Fault(1 if node.start_mark is None else node.start_mark.line + 1, text)


def _parse(text: str) -> Document:
    """Parse a text. Check the events first, because nodes are built by recursion."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise _Refused(event, "aliases (`*name`) are not allowed; write the text again")
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag:
            raise _Refused(event, "tags (`!name`) are not allowed; remove the tag")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise _Refused(event, f"at most {MAX_DEPTH} levels are allowed")
    loader = yaml.CSafeLoader(text)
    node = loader.get_single_node()
    lines: dict[Place, int] = {(): 1}
    return Document(None if node is None else _value(loader, node, (), lines), lines)


def _value(loader: yaml.CSafeLoader, node: yaml.Node, place: Place, lines: dict[Place, int]) -> Any:  # noqa: ANN401
    """Return the value of a node, and store the lines of the values in it."""
    if isinstance(node, yaml.MappingNode):
        mapping: dict[Hashable, Any] = {}
        for key_node, value_node in node.value:
            key = _scalar(loader, key_node)
            if not isinstance(key, str):
                raise _Refused(key_node, f"the key {key!r} is not a word")
            if key in mapping:
                raise _Refused(key_node, f"`{key}` is here twice")
            lines[*place, key] = key_node.start_mark.line + 1
            mapping[key] = _value(loader, value_node, (*place, key), lines)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        values = []
        for index, item in enumerate(node.value):
            lines[*place, index] = item.start_mark.line + 1
            values.append(_value(loader, item, (*place, index), lines))
        return values
    return _scalar(loader, node)


def _scalar(loader: yaml.CSafeLoader, node: yaml.Node) -> Any:  # noqa: ANN401
    """Return the value of a scalar."""
    try:
        value = loader.construct_object(node)
    except (OverflowError, ValueError) as error:
        raise _Refused(node, f"this is not a valid value: {error}") from error
    if isinstance(value, int) and abs(value) > MAX_NUMBER:
        raise _Refused(node, f"this is not a valid value: at most {MAX_NUMBER} is allowed")
    return value
