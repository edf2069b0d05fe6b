"""Offline analysis of many recordings: the command, its engines, its inputs and its outputs."""
