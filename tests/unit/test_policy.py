"""The policy file: what may stand in it, and whom its rules are about."""

import json

import pytest

from functions.access.access import Access, Grant, Role
from functions.access.policy import Policy
from functions.access.principal import ANYBODY, Principal

E1 = "projects/p/locations/l/reasoningEngines/1"
E2 = "projects/p/locations/l/reasoningEngines/2"
ADA = Principal(
    {"sub": "42", "email": "Ada@Example.com", "email_verified": True, "groups": ["staff", "dev"]}
)


def policy(*rules: dict[str, object]) -> Policy:
    return Policy.parse(json.dumps(rules), {"123": "p"})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("{}", "tuple"),
        ("[1]", "0:"),
        ('[{"principal": "*"}]', "0.role: Field required"),
        ('[{"role": "admin"}]', "0.principal: Field required"),
        ('[{"principal": "*", "role": "root"}]', "'admin', 'agent', 'viewer' or 'user'"),
        ('[{"principal": "*", "role": "admin", "engine": "*"}]', "0.engine: Extra inputs"),
        ('[{"principal": "ada@example.com", "role": "admin"}]', "0.principal"),
        ('[{"principal": "email:ada", "role": "admin"}]', "0.principal"),
        ('[{"principal": "claim:sub", "role": "admin"}]', "0.principal"),
        ('[{"principal": "*", "role": "admin", "engines": []}]', "0.engines"),
        ('[{"principal": "*", "role": "admin", "engines": "*"}]', "0.engines"),
        ('[{"principal": "*", "role": "admin", "engines": ["1"]}]', "0.engines.0"),
        (f'[{{"principal": "*", "role": "viewer", "engines": ["{E1[:-1]}-"]}}]', 'write "*"'),
        (f'[{{"principal": "*", "role": "viewer", "engines": ["{E1}/sessions/s"]}}]', "full name"),
        (f'[{{"principal": "*", "role": "viewer", "engines": ["/{E1}"]}}]', "full name"),
        (
            '[{"principal": "*", "role": "viewer", "engines": ["projects/-/locations/l/'
            'reasoningEngines/1"]}]',
            "full name",
        ),
        ('[{"principal": "*", "role": "agent", "userIdClaim": "sub"}]', "only the role user"),
        ('[{"principal": "key:k", "role": "user"}]', "a key has no claims"),
    ],
)
def test_a_wrong_policy_is_refused_with_a_sentence(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=r"\S") as caught:
        Policy.parse(text, {})
    assert complaint in str(caught.value)


def test_a_wrong_engine_is_the_only_fault_of_its_list() -> None:
    """The list that is left is empty, which is no mistake of the person who wrote it."""
    rule = {"principal": "*", "role": "admin", "engines": ["reasoningEngines/1"]}
    with pytest.raises(ValueError, match="full name") as caught:
        policy(rule)
    assert "at least 1 item" not in str(caught.value)
    with pytest.raises(ValueError, match="at least 1 item"):
        policy({**rule, "engines": []})


@pytest.mark.parametrize(
    ("subject", "names_ada"),
    [
        ("*", True),
        ("email:ada@example.com", True),
        ("email:ADA@example.com", True),
        ("email:ada@example.com.evil", False),
        ("email:ada@e\u212aample.com", False),
        ("claim:sub=42", True),
        ("claim:sub=4", False),
        ("claim:groups=staff", True),
        ("claim:groups=sta", False),
        ("claim:email=ada@example.com", True),
        ("claim:nothing=None", False),
        ("key:ada", False),
    ],
)
def test_a_rule_is_about_whom_it_names(subject: str, names_ada: bool) -> None:
    access = policy({"principal": subject, "role": "viewer"}).access(ADA)
    assert access.on(E1) == (Grant(Role.VIEWER) if names_ada else None)


@pytest.mark.parametrize("rule", ["email:boss@work.example", "claim:email=boss@work.example"])
@pytest.mark.parametrize(
    ("address", "is_named"),
    [
        ("boss@work.example", True),
        ("BOSS@WORK.EXAMPLE", True),
        ("boss@wor\u212a.example", False),
        ("bo\u017f\u017f@work.example", False),
        ("\uff22oss@work.example", False),
        ("boss@work.example\ud800", False),
    ],
)
def test_addresses_differ_in_the_case_of_ascii_letters_alone(
    rule: str, address: str, is_named: bool
) -> None:
    """The Kelvin sign, which Unicode makes a small `k` of, is another address."""
    principal = Principal({"email": address, "email_verified": True})
    access = policy({"principal": rule, "role": "admin"}).access(principal)
    assert (access.on(E1) is not None) is is_named
    shouted = policy({"principal": rule.replace("work", "WORK"), "role": "admin"})
    assert (shouted.access(principal).on(E1) is not None) is is_named


@pytest.mark.parametrize("verified", [None, False, "false", "yes", 1])
def test_an_email_that_is_not_verified_is_nobodys(verified: object) -> None:
    """By address, by claim and as a userId."""
    claims = {"sub": "1", "email": "ada@example.com", "email_verified": verified}
    rules = [
        {"principal": "email:ada@example.com", "role": "admin"},
        {"principal": "claim:email=ada@example.com", "role": "admin"},
        {"principal": "*", "role": "user", "userIdClaim": "email"},
    ]
    assert policy(*rules).access(Principal(claims)) == Access({}, None)


@pytest.mark.parametrize("value", ["", None, 42, ["42"], {"sub": "42"}, "\ud800", "a\udfffb"])
def test_a_user_id_is_text_and_not_empty(value: object) -> None:
    access = policy({"principal": "*", "role": "user"}).access(Principal({"sub": value}))
    assert access.on(E1) is None


def test_a_user_has_the_user_id_of_its_claim() -> None:
    access = policy({"principal": "*", "role": "user"}).access(ADA)
    assert access.on(E1) == Grant(Role.USER, "42")


def test_rules_are_read_in_order_and_end_at_every_engine() -> None:
    access = policy(
        {"principal": "claim:sub=42", "role": "agent", "engines": [E1]},
        {"principal": "email:someone@else.com", "role": "admin", "engines": [E2]},
        {"principal": "*", "role": "viewer"},
        {"principal": "*", "role": "admin", "engines": [E1, E2]},
    ).access(ADA)
    assert access.on(E1) == Grant(Role.AGENT)
    assert access.on(E2) == Grant(Role.VIEWER)


def test_the_projects_number_names_the_same_engine() -> None:
    numbered = E1.replace("/p/", "/123/")
    access = policy({"principal": "*", "role": "viewer", "engines": [numbered]}).access(ADA)
    assert access.on(E1) == Grant(Role.VIEWER)


def test_admins_of_every_engine_alone_are_unrestricted_and_purge() -> None:
    everything = policy({"principal": "*", "role": "admin"})
    assert everything.access(ADA).is_unrestricted
    assert not everything.access(ADA, may_purge=False).is_unrestricted
    one = policy({"principal": "*", "role": "admin", "engines": [E1]}).access(ADA)
    assert not one.is_unrestricted
    assert not one.may_purge


def test_nobody_is_called_by_name_in_logs_but_services() -> None:
    assert "ada" not in ADA.log_name.lower()
    again = Principal({"email": "ada@example.com", "email_verified": "true"})
    assert ADA.log_name == again.log_name
    assert Principal({"iss": "i", "sub": "ada"}).log_name.startswith("person:")
    service = "agent@p.iam.gserviceaccount.com"
    assert Principal({"email": service, "email_verified": True}).log_name == service
    assert Principal(key="dashboard").log_name == "key:dashboard"
    assert Principal({"azp": "112233", "aud": "112233"}).log_name == "account:112233"
    person = Principal({"azp": "112233", "sub": "ada"}).log_name
    assert person.startswith("person:")
    assert Principal({"azp": "112233", "sub": "bob"}).log_name != person
    for claims in ({"sub": "\ud800"}, {"iss": "\ud800"}, {"azp": "\ud800"}):
        assert Principal(claims).log_name.startswith("person:")
    assert ANYBODY.log_name == "anonymous"
