"""The settings of the console."""

from dataclasses import dataclass

from functions.config.setting import LOOPBACK, matching, one_of, setting, truth

_BASE = rf"((https://[^\s,?#/;]+|http://{LOOPBACK}(:\d+)?)(/[^\s,?#;]*[^\s,?#;/])?)?"


@dataclass(init=False, repr=False, eq=False)
class ConsoleSettings:
    """The web page for people; see docs/console.md."""

    console: bool | None = setting(
        None,
        "`true`: `sessions_api` serves [the console](console.md) at `/console/`. Unset: `false` if "
        "`K_SERVICE` is set, else `true`. The target `console` serves it in any case.",
        truth,
    )
    console_api_url: str = setting(
        "",
        "The URL of the API that the console calls, such as `https://sessions.example`. Unset: "
        "the origin that serves the console.",
        matching(_BASE),
    )
    console_client_id: str = setting(
        "",
        "The client id under which the console signs people in at the first of `AUTH_ISSUERS`. It "
        "must be one of `AUTH_AUDIENCES`. Unset: people paste a token.",
    )
    console_response_type: str = setting(
        "",
        "How the issuer gives the console a token: `code` (authorization code with PKCE) or "
        "`id_token` (implicit flow). Unset: `id_token` for `https://accounts.google.com`, which "
        "asks for a secret with a code, else `code`.",
        one_of("", "code", "id_token"),
    )
