"""A file of rules that is not valid names the line of each fault, and what is allowed."""

from pathlib import Path

import pytest

from app.core.channels import ChannelPolicy
from app.rules import document
from app.rules.errors import RulesInvalid
from app.rules.reader import read_rules
from testing.bundles import LABELS

HEAD = "rules:\n  - name: a\n    when:\n"


def faults(folder: Path, content: str | bytes, permitted: list[int] | None = None) -> list[tuple[int, str]]:
    """Return the line and the text of each fault."""
    path = folder / "rules.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(RulesInvalid) as raised:
        read_rules(path, LABELS, ChannelPolicy.of(permitted))
    lines = [line.removeprefix(f"{path}:").partition(": ") for line in str(raised.value).splitlines()]
    return [(int(number), text) for number, _, text in lines]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("{emotoin: anger}", "unknown word `emotoin`; allowed here: `all`, `any`, `not`, `emotion`, "),
        ("{emotion: joy}", "no model has the emotion 'joy'; allowed: anger, surprise, happiness, sad"),
        ("{emotion: []}", "`emotion` must not be empty"),
        ("{emotion: 7}", "`emotion` must be a valid string, not 7; put the text in quotes"),
        ("{role: no}", "`role` must be a valid string, not False; put the text in quotes"),
        ("{emotion: anger, probability: 60}", "`probability` must be less than or equal to 1, not 60"),
        ("{emotion: anger, probability: 0}", "`probability` must be greater than 0, not 0"),
        ("{probability: 0.5}", "`probability` needs an `emotion`"),
        ("{count: 0}", "`count` must be greater than or equal to 1, not 0"),
        ("{count: true}", "`count` must be a valid integer, not True"),
        ("{duration: .inf}", "`duration` must be a finite number, not inf"),
        ("{duration: 1.0e+307}", "`duration` must be less than or equal to 1000000000, not 1e+307"),
        ("{within: {from: 1.0e+307}}", "`from` must be seconds, such as 60, or a share of the call"),
        ("{duration: -1}", "`duration` must be greater than or equal to 0.01, not -1"),
        ("{channel: 0}", "Channel 0 must not be analyzed here. Permitted: 1."),
        ("{}", "the condition is empty; give it at least one of `all`, `any`"),
        ("angry", "expected words with values here, such as `all`, `any`"),
        ("{all: []}", "`all` must not be empty"),
        ("{all: }", "`all` has no value; give it one, or remove the word"),
        ("{any: [{count: 1}], role: a}", "`any` stands alone in a condition; put the other words into"),
        ("{within: {from: 60, to: 20}}", "`from` is not before `to`, so that the window is empty"),
        ("{within: {from: 60, to: 60}}", "`from` is not before `to`, so that the window is empty"),
        ("{within: {from: 100%}}", "the window is empty"),
        ("{within: {to: 0}}", "the window is empty"),
        ("{within: {last: 0}}", "the window is empty"),
        ("{within: {from: 10, to: 50%}}", "`from` and `to` are both in seconds, or both in percent"),
        ("{within: {from: 10, last: 5}}", "a window has `from`, `to` or both; or it has only `last`"),
        ("{within: {}}", "a window has `from`, `to` or both; or it has only `last`"),
        ("{within: {from: 1:00 pm}}", "`from` must be seconds, such as 60, or a share of the call"),
        ("{within: {to: 101%}}", "`to` must be seconds, such as 60, or a share of the call"),
        ("{within: {until: 3}}", "unknown word `until`; allowed here: `from`, `to`, `last`"),
        ("{within: [{from: 0, to: 60}, {from: 59}]}", "`within`: the windows overlap; separate or join"),
        ("{within: [{last: 60}, {last: 30}]}", "`within`: the windows overlap; separate or join them"),
        ("{within: [{last: 50%}, {to: 51%}]}", "`within`: the windows overlap; separate or join them"),
    ],
)
def test_a_condition_that_is_not_valid_is_refused_in_its_line(
    tmp_path: Path, condition: str, expected: str
) -> None:
    for content, line in (
        (f"{HEAD}      {condition}\n", 4),
        (f"{HEAD}      all:\n        - count: 2\n        - not:\n            {condition}\n", 7),
    ):
        ((found, text),) = faults(tmp_path, content, permitted=[1])
        assert text.startswith(expected)
        assert found in {line, line - 1}  # of the value, or of the word that has it


@pytest.mark.parametrize(
    ("content", "line", "expected"),
    [
        ("", 1, "expected words with values here, such as `rules`"),
        ("rules: []", 1, "`rules` must not be empty"),
        ("# a comment\nrule: 3", 1, "`rules` is missing"),
        ("rules:\n  - when: {count: 1}", 2, "`name` is missing"),
        (f"{HEAD}      {{count: 1}}\n    severity: high", 5, "`severity` must be 'info', 'warning' or 'cr"),
        ("rules:\n  - name: An Angry One\n    when: {count: 1}", 2, "`name` must be lower-case words and"),
        (
            f"{HEAD}      {{count: 1}}\n  - name: a\n    when: {{count: 2}}",
            5,
            "the rule in line 2 already has",
        ),
        ("rules:\n  - name: a\n    name: b", 3, "`name` is here twice"),
        ("rules:\n  - 7: b", 2, "the key 7 is not a word"),
        ("rules:\n  - name: [", 3, "this is not valid YAML: "),
        ("a: 1\n---\nb: 2", 2, "this is not valid YAML: expected a single document"),
        (f"{HEAD}      &x {{count: 1}}\n  - name: b\n    when: *x", 6, "aliases (`*name`) are not allowed"),
        ("rules:\n  - !!python/object:os.system {}", 2, "tags (`!name`) are not allowed"),
        (f"rules: {'[' * 100_000}", 1, "at most 32 levels are allowed"),
        (f"{HEAD}      {{count: {'9' * 5000}}}", 4, "this is not a valid value"),
        (f"{HEAD}      {{count: 0x{'f' * 5000}}}", 4, "this is not a valid value: at most 1000000000 is"),
        (f"rules:\n  - {'9' * 10}: b", 2, "this is not a valid value: at most 1000000000 is allowed"),
        (f"{HEAD}      {{duration: {'1:' * 200}0.5}}", 4, "this is not a valid value: int too large to conv"),
        (f"{HEAD}      {{count: 2026-13-45}}", 4, "this is not a valid value: month must be in 1..12"),
        (b"rules:\n  - name: \xff", 2, "the text is not UTF-8"),
    ],
)
def test_a_file_that_is_not_valid_is_refused(
    tmp_path: Path, content: str | bytes, line: int, expected: str
) -> None:
    ((found, text), *_) = faults(tmp_path, content)
    assert text.startswith(expected)
    assert found == line


def test_every_fault_is_reported_in_the_order_of_the_lines(tmp_path: Path) -> None:
    content = (
        f"{HEAD}      emotion: [anger, rage]\n      channel: 0\n  - name: a\n    when: {{emotion: joy}}\n"
    )
    assert [line for line, _ in faults(tmp_path, content, permitted=[1])] == [4, 5, 6, 7]
    assert [line for line, _ in faults(tmp_path, "rules:\n  - {}\n  - name: B\n")] == [2, 2, 3, 3]


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RulesInvalid, match="No such file"):
        read_rules(tmp_path / "nowhere.yaml", LABELS, ChannelPolicy())
    path = tmp_path / "large.yaml"
    path.write_text("#" * (document.MAX_BYTES + 1))
    with pytest.raises(RulesInvalid, match="larger than 1048576 bytes"):
        read_rules(path, LABELS, ChannelPolicy())
    path.write_text("a: \x01")
    with pytest.raises(RulesInvalid, match="control characters"):
        read_rules(path, LABELS, ChannelPolicy())


def test_text_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(f"\ufeff{HEAD}      emotion: anger\n")
    (rule,) = read_rules(path, LABELS, ChannelPolicy())
    assert (rule.name, rule.severity, rule.description) == ("a", "warning", None)
