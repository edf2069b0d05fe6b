"""The language of a file of rules: its words, and the values that they take."""

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, NamedTuple, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, model_validator

from app.rules.rule import AllOf, AnyOf, Condition, Not, Rule, Severity, Speech, Unit, Window, frames

if TYPE_CHECKING:
    from collections.abc import Iterator

PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,6})?) ?%")
WHOLE = 100.0
MAX_SECONDS = 1e9
"""The longest time, which is longer than any call. Its frames of 10 ms can still be counted."""
COMBINATIONS = ("all", "any", "not")


class Edge(NamedTuple):
    """An edge of a window.

    Attributes:
        value: the time.
        unit: the unit of the time, seconds or percent of the call.
    """

    value: float
    unit: Unit


def _edge(value: object) -> Edge:
    """Read an edge of a window."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MAX_SECONDS:
        return Edge(value, "seconds")
    match = PERCENT.fullmatch(value) if isinstance(value, str) else None
    if match and float(match[1]) <= WHOLE:
        return Edge(float(match[1]), "percent")
    raise ValueError("must be seconds, such as 60, or a share of the call, such as 50%")


def _as_list(value: object) -> object:
    """Return the list that a single value stands for."""
    return value if isinstance(value, list) else [value]


class _Words(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="after")
    def _has_values(self) -> Self:
        empty = [_name(type(self), field) for field in self.model_fields_set if getattr(self, field) is None]
        if empty:
            raise ValueError(f"`{min(empty)}` has no value; give it one, or remove the word")
        return self


class WindowWords(_Words):
    """A part of the call: `from` and `to`, or `last`."""

    start: Annotated[Edge, PlainValidator(_edge)] | None = Field(default=None, alias="from")
    to: Annotated[Edge, PlainValidator(_edge)] | None = None
    last: Annotated[Edge, PlainValidator(_edge)] | None = None

    @model_validator(mode="after")
    def _is_window(self) -> Self:
        start, to, last = self.start, self.to, self.last
        if (last is None) == (start is None and to is None):
            raise ValueError("a window has `from`, `to` or both; or it has only `last`")
        if start and to and start.unit != to.unit:
            raise ValueError("`from` and `to` are both in seconds, or both in percent of the call")
        if start and to and start.value >= to.value:
            raise ValueError("`from` is not before `to`, so that the window is empty")
        if (to and not to.value) or (last and not last.value) or (start == Edge(WHOLE, "percent")):
            raise ValueError("the window is empty")
        return self

    def window(self) -> Window:
        """Return the window."""
        if self.last and self.last.unit == "percent":
            return Window(WHOLE - self.last.value, WHOLE, "percent")
        if self.last:
            return Window(self.last.value, 0.0, "seconds before the end")
        edges = [edge for edge in (self.start, self.to) if edge]
        start = self.start.value if self.start else 0.0
        return Window(start, self.to.value if self.to else None, edges[0].unit)


class ConditionWords(_Words):
    """A condition: `all`, `any` or `not`, or words about speech."""

    all: "list[ConditionWords] | None" = Field(default=None, min_length=1)
    any: "list[ConditionWords] | None" = Field(default=None, min_length=1)
    negated: "ConditionWords | None" = Field(default=None, alias="not")
    emotion: Annotated[list[str] | None, BeforeValidator(_as_list)] = Field(default=None, min_length=1)
    probability: float | None = Field(default=None, gt=0, le=1)
    duration: float | None = Field(default=None, ge=0.01, le=MAX_SECONDS)
    count: int | None = Field(default=None, ge=1)
    channel: int | None = Field(default=None, ge=0)
    role: str | None = Field(default=None, min_length=1)
    speaker: int | None = Field(default=None, ge=0)
    within: Annotated[list[WindowWords] | None, BeforeValidator(_as_list)] = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _is_condition(self) -> Self:
        words = {_name(type(self), word) for word in self.model_fields_set}
        combined = words & set(COMBINATIONS)
        if not words:
            raise ValueError("the condition is empty; give it at least one of " + _allowed(type(self)))
        if combined and len(words) > 1:
            raise ValueError(
                f"`{min(combined)}` stands alone in a condition; put the other words into a condition of "
                "their own below `all`"
            )
        if self.probability is not None and self.emotion is None:
            raise ValueError("`probability` needs an `emotion`")
        return self

    @model_validator(mode="after")
    def _has_separate_windows(self) -> Self:
        windows = [words.window() for words in self.within or ()]
        for unit in ("seconds", "percent", "seconds before the end"):
            same = sorted((window for window in windows if window.unit == unit), key=lambda one: one.start)
            for one, other in pairwise(same):
                if one.end is None or other.start < one.end or unit == "seconds before the end":
                    raise ValueError("`within`: the windows overlap; separate or join them")
        return self

    @property
    def parts(self) -> "Iterator[tuple[tuple[str | int, ...], ConditionWords]]":
        """The conditions inside this condition, each with the words and indices that lead to it."""
        for word, inner in (("all", self.all), ("any", self.any)):
            for index, part in enumerate(inner or ()):
                yield (word, index), part
        if self.negated is not None:
            yield ("not",), self.negated

    def condition(self) -> Condition:
        """Return the condition."""
        if self.all:
            return AllOf(tuple(part.condition() for part in self.all))
        if self.any:
            return AnyOf(tuple(part.condition() for part in self.any))
        if self.negated:
            return Not(self.negated.condition())
        return Speech(
            emotions=tuple(dict.fromkeys(self.emotion or ())),
            probability=self.probability,
            count=self.count or 1,
            duration=frames(self.duration or 0),
            channel=self.channel,
            role=self.role,
            speaker=self.speaker,
            windows=tuple(words.window() for words in self.within or ()),
        )


class RuleWords(_Words):
    """A rule."""

    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)
    description: str | None = Field(default=None, max_length=500)
    severity: Severity = "warning"
    when: ConditionWords

    def rule(self) -> Rule:
        """Return the rule."""
        return Rule(self.name, self.severity, self.description, self.when.condition())


class RulesFile(_Words):
    """A file of rules."""

    rules: list[RuleWords] = Field(min_length=1)


def words_at(place: tuple[str | int, ...]) -> str:
    """Return the words that are allowed at a place of a file.

    Args:
        place: the keys and indices that lead to a word, with the word.

    Example:
        >>> words_at(("rules", 0, "color"))
        '`name`, `description`, `severity`, `when`'
    """
    around = place[:-1]
    models: list[tuple[str, type[_Words]]] = [
        ("within", WindowWords),
        ("when", ConditionWords),
        ("rules", RuleWords),
    ]
    return _allowed(next((model for word, model in models if word in around), RulesFile))


def _name(model: type[_Words], field: str) -> str:
    """Return the word of a field."""
    return model.model_fields[field].alias or field


def _allowed(model: type[_Words]) -> str:
    """Return the words of a model."""
    return ", ".join(f"`{_name(model, field)}`" for field in model.model_fields)
