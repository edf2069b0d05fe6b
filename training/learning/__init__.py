"""Training of networks and baselines, their scores and their calibration."""
