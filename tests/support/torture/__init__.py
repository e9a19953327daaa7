"""Clients, servers and faults of `make torture`, and the figures at its end."""
