"""The protocols of live sessions: our own, and those of telephony platforms."""
