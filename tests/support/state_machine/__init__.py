"""The model of the API that `tests/property/test_machine.py` compares the server with."""
