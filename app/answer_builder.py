"""The answer for a call, built in one place for requests, jobs, the batch command and live sessions."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.answers import TimelineAnswer
from app.calls.options import CallOptions
from app.core.timeline import Timeline


@dataclass(frozen=True, slots=True)
class AnswerBuilder:
    """A builder of answers for calls.

    Attributes:
        versions: the version of each bundle, by name.
    """

    versions: Mapping[str, str]

    def build(self, model: str, timeline: Timeline, options: CallOptions) -> TimelineAnswer:
        """Build the answer of a call.

        Args:
            model: the name of the bundle.
            timeline: the complete timeline of the call.
            options: the options of the analysis.
        """
        return TimelineAnswer.of(model, self.versions[model], timeline, options)
