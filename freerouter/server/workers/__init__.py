"""Workers: several processes on one port, and the parent that starts, replaces and stops them."""
