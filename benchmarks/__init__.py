"""What measures the promises; one command each."""
