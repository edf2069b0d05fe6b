"""From corpora to a bundle: features, folds, network, scores, export. Runs offline."""
