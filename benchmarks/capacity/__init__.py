"""The machines that a load needs, computed from measured processor times and checked by a simulation."""
