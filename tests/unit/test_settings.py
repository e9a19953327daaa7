"""Settings are read from texts, and one that is wrong stops the start with a sentence."""

import pytest

from functions.config.settings import Settings

RIGHT = [
    ("MAX_PAGE_SIZE", "7", 7),
    ("WATCHERS", "0", 0),
    ("REQUIRE_ENGINE", "true", True),
    ("REQUIRE_ENGINE", "TRUE", True),
    ("LOG_REQUESTS", "false", False),
    ("MIN_TTL", "0s", 0),
    ("MIN_TTL", "1.5s", 1_500_000_000),
    ("UNKNOWN_FIELDS", "keep", "keep"),
    ("UNKNOWN_FIELDS", "strict", "strict"),
    ("DEFAULT_PAGE_SIZE", "1000", 1000),
    ("AUTH_CLIENTS", "a, b\nc", ("a", "b", "c")),
    ("SESSIONS_STORE", "firestore://p/d", "firestore://p/d"),
    ("SESSIONS_STORE", "sqlite:////a b/s?x.db", "sqlite:////a b/s?x.db"),
    ("SESSIONS_STORE", "sqlite:///:memory:", "sqlite:///:memory:"),
]
WRONG = [
    ("MAX_PAGE_SIZE", "many", "it must be a whole number"),
    ("MAX_PAGE_SIZE", "0", "it must be at least 1"),
    ("MAX_JSON_DEPTH", "201", "it must be at most 200"),
    ("REQUIRE_ENGINE", "maybe", "it must be true or false"),
    ("UNKNOWN_FIELDS", "drop", "it must be 'reject', 'keep' or 'strict'"),
    ("DEFAULT_PAGE_SIZE", "1001", "it must be at most 1000"),
    ("MIN_TTL", "1d", "expected a duration in seconds"),
    ("MIN_TTL", "-1s", "it must not be negative"),
    ("STORE_TIMEOUT", "0s", "it must be more than 0s"),
    ("SESSIONS_STORE", "sqlite://", "it must be sqlite:///path.db for a file"),
    ("SESSIONS_STORE", "sqlite://:memory:", "it must be sqlite:///path.db for a file"),
    ("SESSIONS_STORE", "postgres://p", "it must be sqlite:///path.db for a file"),
    ("SESSIONS_STORE", "firestore://", "it must be sqlite:///path.db for a file"),
    ("SESSIONS_STORE", "sqlite:///", "it must name a file, not a folder"),
    ("SESSIONS_STORE", "sqlite:///data/", "it must name a file, not a folder"),
    ("SESSIONS_STORE", "sqlite:///data/..", "it must name a file, not a folder"),
    ("SESSIONS_STORE", "sqlite:////tmp", "it must name a file, not a folder"),
    ("SESSIONS_STORE", "sqlite:///file::memory:", "it takes a path and no options"),
    ("SESSIONS_STORE", "sqlite:///file:s.db?mode=ro", "it takes a path and no options"),
    ("SESSIONS_STORE", "sqlite:///:memory:?cache=shared", "it takes a path and no options"),
    ("GOOGLE_CLOUD_LOCATION", "us central", "it must match [A-Za-z0-9][A-Za-z0-9.-]{0,127}"),
    ("EMULATOR_CLOCK", "soon", "expected an RFC 3339 timestamp"),
    (
        "EMULATOR_CLOCK",
        "2262-01-01T00:00:00Z",
        "it must lie between 1970-01-01T00:00:00Z and 2262-01-01T00:00:00Z",
    ),
    ("EMULATOR_CLOCK", "1969-12-31T23:59:59Z", "it must lie between"),
    ("PROJECT_NUMBER", "12\n", "it must match [0-9]*"),
]


@pytest.mark.parametrize(("name", "text", "value"), RIGHT)
def test_a_text_is_read_as_its_setting(name: str, text: str, value: object) -> None:
    assert getattr(Settings.from_environment({name: text}), name.lower()) == value


@pytest.mark.parametrize(("name", "text", "why"), WRONG)
def test_a_wrong_text_is_quoted_and_the_right_ones_are_described(
    name: str, text: str, why: str
) -> None:
    with pytest.raises(SystemExit) as stop:
        Settings.from_environment({name: text})
    sentence = str(stop.value)
    assert sentence.startswith(f"{name}={text!r} is not allowed: {why}")
    assert sentence.endswith(Settings.descriptions()[name.lower()])


@pytest.mark.parametrize(
    "name",
    ["AUTH_TOKENINFO_URL", "AUTH_RESOURCE_MANAGER_URL", "SUMMARIZER_URL", "CONSOLE_API_URL"],
)
def test_a_url_without_tls_leads_to_this_machine_alone(name: str) -> None:
    hosts = ("127.0.0.1", "127.0.0.1:8080", "localhost", "[::1]:8080")
    for url in ("https://a.example/b", *(f"http://{host}/a/b" for host in hosts)):
        assert getattr(Settings.from_environment({name: url}), name.lower()) == url
    for url in ("http://a.example/b", "http://127.0.0.1.example", "http://localhost@a.example/b"):
        with pytest.raises(SystemExit, match="is not allowed: it must match"):
            Settings.from_environment({name: url})


def test_every_wrong_text_has_a_line_of_its_own() -> None:
    with pytest.raises(SystemExit) as stop:
        Settings.from_environment({"WATCHERS": "x", "THREADS": "0", "MIN_TTL": "5s"})
    lines = str(stop.value).splitlines()
    assert sorted(line.partition("=")[0] for line in lines) == ["THREADS", "WATCHERS"]


def test_an_empty_text_is_no_text() -> None:
    assert Settings.from_environment({"WATCHERS": "", "GOOGLE_CLOUD_LOCATION": ""}) == Settings()


def test_variables_of_others_are_none_of_ours() -> None:
    assert Settings.from_environment({"PATH": "/bin", "max_page_size": "7"}) == Settings()


def test_the_cloud_needs_a_project() -> None:
    with pytest.raises(SystemExit, match="set GOOGLE_CLOUD_PROJECT or SESSIONS_STORE"):
        Settings.from_environment({"K_SERVICE": "sessions"})


def test_equal_settings_are_one_key() -> None:
    texts = {"AUTH": "none", "CORS_ORIGINS": "*", "MAX_PAGE_SIZE": "7"}
    assert len({Settings.from_environment(texts), Settings.from_environment(texts)}) == 1


def test_a_database_in_memory_takes_one_process() -> None:
    """Each process would have one of its own; one worker, told or not, is fine."""
    memory = {"SESSIONS_STORE": "sqlite:///:memory:"}
    with pytest.raises(SystemExit, match="WORKERS=2 is not allowed with SESSIONS_STORE=sqlite"):
        Settings.from_environment({**memory, "WORKERS": "2"})
    for fine in ({**memory, "WORKERS": "1"}, memory, {"WORKERS": "2"}):
        Settings.from_environment(fine)
