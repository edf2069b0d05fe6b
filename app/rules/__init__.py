"""Rules: conditions on the timeline of a call, which an operator writes in a YAML file."""
