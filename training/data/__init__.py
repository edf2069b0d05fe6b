"""Labeled speech: corpora, labels, folds, recording conditions and features."""
