"""main.py, the routes and the modules tell the same story."""

import inspect
from importlib import import_module

import pytest

import main
from functions.api.endpoint import load_method
from functions.api.routes import METHODS


def test_main_has_a_target_for_every_method_the_router_and_the_console() -> None:
    targets = {name for name, value in vars(main).items() if inspect.isfunction(value)}
    assert targets - {"router", "target"} == {*METHODS, "sessions_api", "console"}


@pytest.mark.parametrize("name", METHODS)
def test_a_method_lives_in_the_module_of_its_name(name: str) -> None:
    method = load_method(name)
    assert method.__module__ == METHODS[name]
    assert METHODS[name].endswith(f".{name}")
    assert list(inspect.signature(method).parameters) == ["request", "store", "now"]
    assert import_module(METHODS[name]).__doc__
    assert method.__doc__
