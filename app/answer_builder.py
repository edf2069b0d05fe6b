"""The answer for a call, built in one place for requests, jobs, the batch command and live sessions."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.answers import TimelineAnswer
from app.calls.options import CallOptions
from app.core.manifest import Manifest
from app.core.timeline import Timeline
from app.rules.evaluation import evaluate
from app.rules.reader import read_rules
from app.rules.rule import Rule
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class AnswerBuilder:
    """A builder of answers for calls.

    Attributes:
        versions: the version of each bundle, by name.
        rules: the rules of the operator, whose matches are the alerts of an answer.
    """

    versions: Mapping[str, str]
    rules: tuple[Rule, ...] = ()

    @classmethod
    def of(cls, settings: Settings, manifests: Mapping[str, Manifest]) -> "AnswerBuilder":
        """Build answers with the rules of the settings.

        Args:
            settings: the settings of the operator.
            manifests: the manifests of all served bundles, by name.

        Raises:
            RulesInvalid: the file of rules is not valid.
        """
        labels = dict.fromkeys(label for manifest in manifests.values() for label in manifest.labels)
        versions = {name: manifest.version for name, manifest in manifests.items()}
        if settings.rules is None:
            return cls(versions)
        return cls(versions, read_rules(settings.rules, labels, settings.channel_policy))

    def build(self, model: str, timeline: Timeline, options: CallOptions) -> TimelineAnswer:
        """Build the answer of a call.

        Args:
            model: the name of the bundle.
            timeline: the complete timeline of the call.
            options: the options of the analysis.
        """
        alerts = evaluate(self.rules, timeline)
        return TimelineAnswer.of(model, self.versions[model], timeline, options, alerts)
