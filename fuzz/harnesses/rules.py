"""The reader of files of rules, and the evaluation of rules that it accepts."""

from collections.abc import Iterator

from app.core.channels import ChannelPolicy
from app.core.timeline import ChannelTimeline, Segment, Timeline
from app.rules.errors import RulesInvalid
from app.rules.evaluation import evaluate
from app.rules.reader import read_rules
from fuzz.harness import folder
from testing.recordings import ROOT

ERRORS = (RulesInvalid,)

LABELS = ("anger", "surprise", "happiness", "sadness", "neutral")
_SEGMENTS = (Segment(1.0, 4.0, {**dict.fromkeys(LABELS, 0.1), "anger": 0.6}),)
_CALL = Timeline(60.0, tuple(ChannelTimeline(number, _SEGMENTS, "customer") for number in range(2)))


def seeds() -> Iterator[bytes]:
    """Yield the shipped rules, and each of their words in a file of its own."""
    yield (ROOT / "examples" / "rules.yaml").read_bytes()
    for condition in (
        *("emotion: anger", "emotion: [anger, sadness]\n      probability: 0.5", "duration: 1.5", "count: 2"),
        *("channel: 0", "role: customer", "speaker: 1", "within: {from: 10%, to: 50%}", "not: {count: 9}"),
        *("within: [{last: 60}, {from: 0, to: 1:30}]", "all: [{any: [{count: 1}]}]"),
    ):
        yield f"rules:\n  - name: a-b\n    when:\n      {condition}\n".encode()


def run(data: bytes) -> None:
    """Read a file of rules, and evaluate the rules on a call."""
    path = folder() / "rules.yaml"
    path.write_bytes(data)
    rules = read_rules(path, LABELS, ChannelPolicy.of([0, 1]))
    evaluate(rules, _CALL)
