"""`python -m agent_engine_sessions` is the command `agent-engine-sessions`."""

from agent_engine_sessions.command import main

main()
