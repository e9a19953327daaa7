"""Agent Engine Sessions on your own machine: a command, a service for ADK, fixtures for pytest.

The server runs as a process of its own, so that its packages `main` and `functions` take no names
in the environment of the project that uses it.
"""
