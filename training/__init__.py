"""Offline training: from corpora to a bundle, with features, folds, networks, scores and export."""
