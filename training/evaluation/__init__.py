"""Cross-validation and the figures of a run: by condition, in calls, and with adaptation to the speaker."""
