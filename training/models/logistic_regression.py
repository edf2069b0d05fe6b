"""Multinomial logistic regression."""

from sklearn.linear_model import LogisticRegression

from training.learning.classifier import Classifier, Setting


def make(setting: Setting) -> LogisticRegression:
    """Return the unfitted classifier."""
    return LogisticRegression(class_weight="balanced", max_iter=500, tol=1e-3, **setting)


MODEL = Classifier(make, settings=[{"C": C} for C in (1e-5, 1e-4, 1e-3, 1e-2)])
