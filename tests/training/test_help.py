import shlex

import pytest

from training.__main__ import VERBS
from training.command_line import parse
from training.help_texts import DESCRIPTIONS, EXAMPLES

RARE = {
    "encoder",
    "speaker-encoder",
    "speech-detector",
}  # docs/train.md and PROVENANCE.md have their commands


def commands(verb: str) -> list[str]:
    """Return the commands in the help of a verb."""
    return [line.strip() for line in EXAMPLES[verb].replace("\\\n", " ").splitlines()]


def test_every_verb_has_a_description_and_an_example() -> None:
    assert set(DESCRIPTIONS) == set(EXAMPLES) == set(VERBS) - RARE


@pytest.mark.parametrize("verb", EXAMPLES)
def test_the_help_has_a_description_and_ends_with_examples_that_are_valid(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse([verb, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert DESCRIPTIONS[verb] in shown
    assert EXAMPLES[verb] in shown
    for command in commands(verb):
        assert parse(shlex.split(command.removeprefix("python -m training"))).verb == verb
