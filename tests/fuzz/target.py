"""One parser as libFuzzer drives it: `python -m tests.fuzz.target PARSER DIRECTORY OPTION…`."""

import sys

import atheris

with atheris.instrument_imports(include=["functions"]):
    from tests.fuzz.parsers import check_bytes


def main() -> None:
    name, *options = sys.argv[1:]
    atheris.Setup([name, *options], lambda data: check_bytes(name, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
