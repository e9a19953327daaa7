"""What the pages say holds: their links, their names, and every amount of docs/cost.md."""

import math
import re
from pathlib import Path

import grpc
import pytest

from functions.config.settings import Settings
from functions.rules.event_type import EventType
from tests.support.budget import BUDGET, evaluate, table
from tests.support.project import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
COST = (ROOT / "docs/cost.md").read_text()
RUNBOOK = (ROOT / "docs/runbook.md").read_text()
NAMES = {row["Name"]: float(row["Value"]) for row in table(COST, "Name")}
BUSY = {row["Requests arrive"]: row["seconds"] for row in table(COST, "Requests arrive")}

KNOWN_VARIABLES = {
    *("AGENT_ENGINE_SESSIONS_URL", "AGENT_ENGINE_SESSIONS_TOKEN", "AGENT_ENGINE_SESSIONS_API_KEY"),
    *("CLOUD_RUN_TIMEOUT_SECONDS", "THREADED_TIMEOUT_ENABLED"),  # of functions-framework
    "CLOUDSDK_CORE_PROJECT",
    "CLOUDSDK_FUNCTIONS_REGION",
    *("GOOGLE_API_KEY", "GOOGLE_VERTEX_BASE_URL"),  # of the clients
    *("TORTURE_MINUTES", "TORTURE_REQUESTS", "TORTURE_SEED", "TORTURE_STEPS"),  # of `make torture`
}
NOT_VARIABLES = {
    *NAMES,  # of the formula of docs/cost.md
    *(code.name for code in grpc.StatusCode),
    *EventType,
    *("ALLOW_ALL", "ALLOW_INTERNAL_ONLY", "ALLOW_INTERNAL_AND_GCLB"),  # ingress
    "COLLECTION_GROUP",
    "MY_SETTING",  # stands for any
}
"""Capitals that name something else."""


def run_formula(**values: float) -> dict[str, float]:
    """What the page's own lines of code make of the prices and the values."""
    block = re.search(r"^```python\n(.*?)^```", COST, re.DOTALL | re.MULTILINE)
    assert block is not None
    results: dict[str, float] = {}
    for line in block[1].splitlines():
        name, formula = line.split(" = ")
        known = {**NAMES, **values, **results}
        if known.keys() >= set(re.findall(r"[A-Za-z]\w*", formula)):
            results[name] = evaluate(formula, **known)
    return results


def firestore(method: str, case: str, **values: int) -> float:
    counts = {name: evaluate(text, **values) for name, text in BUDGET[method, case].items()}
    return run_formula(**counts)["firestore"]


def function(arrival: str) -> float:
    return run_formula(seconds=evaluate(BUSY[arrival], **NAMES))["function"]


def dollars(amount: float) -> str:
    return f"${amount:,.2f}"


def per_request_figures() -> dict[str, str]:
    return {arrival: dollars(1_000_000 * function(arrival)) for arrival in BUSY}


def worked_figures(row: dict[str, str]) -> dict[str, str]:
    times = int(row["So many"].replace(",", ""))
    documents = firestore(row["Of"], row["Case"], n=int(row["n"]), k=int(row["k"]))
    events = times if row["Of"] == "append_event" else 0
    return {
        "Firestore": dollars(times * documents),
        **{
            arrival.capitalize(): dollars(times * (documents + function(arrival)))
            for arrival in BUSY
        },
        "Managed service": dollars(run_formula(events=events)["managed"]) if events else "–",
    }


def stored_figures() -> dict[str, str]:
    return {
        row["Stored for a month"]: dollars(
            run_formula(gib=evaluate(row["gib"], **NAMES))["storage"]
        )
        for row in table(COST, "Stored for a month")
    }


def stream_figures(watchers: str) -> tuple[str, str]:
    """The instances of so many streams, and what they cost in a month of 30 days."""
    instances = math.ceil(int(watchers.replace(",", "")) / NAMES["STREAMS"])
    second = run_formula(seconds=1)["function"] - run_formula(seconds=0)["function"]
    return str(instances), dollars(instances * 30 * 86_400 * second)


def life_figures() -> dict[str, tuple[str, str]]:
    events, sessions = 1_000_000, 50_000
    purge = ("purge_expired_sessions", "k sessions of n events, fewer than 800 documents")
    size = events * (NAMES["EVENT_BYTES"] + NAMES["OVERHEAD_BYTES"]) / 2**30
    steps = {
        "appended, one after the other": events
        * (
            firestore("append_event", "a small state delta, or none")
            + function("one after the other")
        ),
        "kept for a month": run_formula(gib=size)["storage"],
        "purged, documents alone": firestore(*purge, n=events // sessions, k=sessions),
    }
    managed = dollars(run_formula(events=events)["managed"])
    figures = {step: (dollars(amount), "–") for step, amount in steps.items()}
    figures["appended, one after the other"] = (
        figures["appended, one after the other"][0],
        managed,
    )
    return {**figures, "all of it": (dollars(sum(steps.values())), managed)}


def test_the_page_computes_what_a_request_costs_by_how_requests_arrive() -> None:
    rows = table(COST, "Requests arrive")
    assert {row["Requests arrive"]: row["A million requests"] for row in rows} == (
        per_request_figures()
    )


@pytest.mark.parametrize(
    "row", table(COST, "So many"), ids=lambda row: f"{row['Of']} {row['Case']}"
)
def test_a_worked_figure_follows_from_the_tables(row: dict[str, str]) -> None:
    figures = worked_figures(row)
    assert {column: row[column] for column in figures} == figures


def test_the_life_of_a_million_events_is_the_sum_of_its_steps() -> None:
    rows = table(COST, "Step")
    assert {row["Step"]: (row["Here"], row["Managed service"]) for row in rows} == life_figures()


def test_what_is_stored_costs_what_the_page_says() -> None:
    rows = table(COST, "Stored for a month")
    assert {row["Stored for a month"]: row["Here"] for row in rows} == stored_figures()


def test_streams_cost_what_the_page_says() -> None:
    rows = table(COST, "Watchers")
    assert {row["Watchers"]: (row["Instances"], row["A month"]) for row in rows} == {
        row["Watchers"]: stream_figures(row["Watchers"]) for row in rows
    }
    assert NAMES["STREAMS"] == float(default_of("concurrency")) * 3 / 4


def test_no_amount_of_dollars_stands_outside_the_tables_that_are_computed() -> None:
    prose = [line for line in COST.splitlines() if not line.startswith("|")]
    assert not [line for line in prose if re.search(r"\$\d", line)]


def test_the_functions_of_the_figures_are_those_of_infra() -> None:
    """A size that changes in Terraform changes the price."""
    memory = re.search(r"sessions_api += \{ memory = \"(\d+)Gi\"", terraform())
    assert memory is not None
    assert NAMES["GIB"] == float(memory[1])
    assert NAMES["VCPUS"] == float(default_of("cpu"))
    assert f"them: {default_of('concurrency')} in `infra/`" in " ".join(COST.split())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", page.read_text()):
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_environment_variable_in_the_pages_is_a_setting_or_a_known_one(page: Path) -> None:
    text = page.read_text()
    compound = r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+"
    named = {*re.findall(rf"`({compound})`", text), *re.findall(rf"\b({compound})=", text)}
    settings = {field.upper() for field in Settings.descriptions()}
    assert named <= settings | KNOWN_VARIABLES | NOT_VARIABLES


def test_every_terraform_variable_in_the_runbook_exists() -> None:
    given = set(re.findall(r"-var='?([a-z_]+)=", RUNBOOK))
    told = set(re.findall(r"variable `([a-z_]+)`", RUNBOOK))
    assert given
    assert given | told <= set(re.findall(r'^variable "(\w+)"', terraform(), re.MULTILINE))


def test_every_terraform_output_in_the_runbook_exists() -> None:
    named = set(re.findall(r"output -raw (\w+)", RUNBOOK))
    assert named
    assert named <= set(re.findall(r'^output "(\w+)"', terraform(), re.MULTILINE))


def test_every_terraform_resource_in_the_runbook_exists() -> None:
    named = set(re.findall(r"\b(google_[a-z0-9_]+\.[a-z_]+)\b", RUNBOOK))
    resources = re.findall(r'^resource "(\w+)" "(\w+)"', terraform(), re.MULTILINE)
    assert named
    assert named <= {".".join(resource) for resource in resources}


def test_every_alert_has_its_section_in_the_runbook() -> None:
    block = re.search(r"^  alerts = \{\n(.*?)^  \}", terraform(), re.DOTALL | re.MULTILINE)
    assert block is not None
    alerts = re.findall(r'^    "(.+)" = \{', block[1], re.MULTILINE)
    assert alerts
    assert re.findall(r"^### Alert: (.+)$", RUNBOOK, re.MULTILINE) == alerts


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_target_in_the_pages_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    code = re.findall(r"^```.*?^```$|`[^`]+`", page.read_text(), re.DOTALL | re.MULTILINE)
    named = {name for text in code for name in re.findall(r"\bmake ([a-z-]+)\b", text)}
    assert named <= targets


@pytest.mark.parametrize(
    "path",
    [*PAGES, *sorted((ROOT / "emulator").rglob("*.py"))],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_nobody_is_told_to_install_a_package_that_is_not_published(path: Path) -> None:
    """The first release ends this; CONTRIBUTING.md says so."""
    assert not re.search(r"pip install\W+agent-engine-sessions", path.read_text())


def terraform() -> str:
    return "\n".join(path.read_text() for path in sorted((ROOT / "infra").glob("*.tf")))


def default_of(variable: str) -> str:
    block = re.search(rf'^variable "{variable}" \{{\n(.*?)^\}}', terraform(), re.DOTALL | re.M)
    assert block is not None
    default = re.search(r'default += "?([^"\n]+)', block[1])
    assert default is not None
    return default[1]


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
