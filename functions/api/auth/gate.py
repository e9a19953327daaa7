"""Finds out who sends a request, and returns the store as this caller may see it."""

from typing import TYPE_CHECKING, Protocol

import flask

from functions.access.access import access_to_all
from functions.access.principal import ANYBODY, Principal, fold_email
from functions.aip.errors import Unauthenticated
from functions.api.auth.answers import Slots
from functions.api.auth.credentials import (
    Credentials,
    read_credentials,
    read_forwarded,
    refuse,
)
from functions.api.auth.iam import Iam
from functions.api.log import PRINCIPAL
from functions.api.path_table import Match
from functions.api.query import parameters
from functions.config.auth_settings import AuthKind
from functions.config.settings import Settings
from functions.store.protocol import Store

if TYPE_CHECKING:
    from functions.access.policy import Policy
    from functions.api.auth.google_iam import Permissions


class Authenticator(Protocol):
    """One kind of credential."""

    def principal(self, credentials: Credentials, now: int) -> Principal | None:
        """The caller; None without a credential of the kind. Raises Unauthenticated."""


class Gate:
    """Authentication, then authorization."""

    def __init__(self, settings: Settings, policy: "Policy | None") -> None:
        """Without a policy, every caller with a good credential may do everything."""
        kinds = settings.auth_kinds
        self._settings = settings
        self._policy = policy
        # One bound for all kinds: half of the threads stay free when no other server answers.
        slots = Slots(settings.most_asking)
        self._authenticators = [
            (kind, _authenticator(kind, settings, slots)) for kind in kinds if kind != "none"
        ]
        self._permissions = _permissions(settings, slots) if "google_iam" in kinds else None
        self._lets_anybody_in = "none" in kinds
        self._platform = Iam(takes_signed=True)

    def store_for(self, request: flask.Request, match: Match, store: Store, now: int) -> Store:
        """The store as the caller may see it.

        Raises Unauthenticated, Unavailable, or PermissionDenied if Google's IAM denies.
        """
        credentials = self._credentials(request, now)
        kind, principal = self._identify(credentials, now)
        request.environ[PRINCIPAL] = principal.log_name
        account = self._settings.purge_account if self._authenticators else ""
        may_purge = principal.email == fold_email(account) if account else None
        if self._permissions is not None and kind == "google_iam":
            self._permissions.check(credentials.token, match, parameters(request), now)
            access = access_to_all(may_purge=may_purge)
        elif self._policy is None:
            access = access_to_all(may_purge=may_purge)
        else:
            access = self._policy.access(principal, may_purge=may_purge)
        if access.is_unrestricted:
            return store
        from functions.store.guarded import GuardedStore

        return GuardedStore(store, access)

    def _identify(self, credentials: Credentials, now: int) -> tuple[AuthKind, Principal]:
        for kind, authenticator in self._authenticators:
            principal = authenticator.principal(credentials, now)
            if principal is not None:
                return kind, principal
        if self._authenticators and not credentials.is_none:
            refuse("they are of no kind that is accepted here")
        if not self._lets_anybody_in:
            raise Unauthenticated("Request is missing required authentication credential.")
        return "none", ANYBODY

    def _credentials(self, request: flask.Request, now: int) -> Credentials:
        own = read_credentials(request)
        gateway = fold_email(self._settings.auth_gateway_account)
        if gateway and self._platform.verified_token(own):
            sender = self._platform.principal(own, now)
            if sender is not None and sender.email == gateway:
                userinfo = self._settings.auth_gateway_userinfo
                return read_forwarded(request, userinfo=userinfo)
        return own


def _authenticator(kind: AuthKind, settings: Settings, slots: Slots) -> Authenticator:
    """Imports no more than the kind needs: a start in the cloud waits for every import."""
    if kind == "iam":
        return Iam(takes_signed="id_token" not in settings.auth_kinds)
    if kind == "api_key":
        from functions.api.auth.api_key import ApiKey

        return ApiKey(settings.key_hashes)
    if kind == "id_token":
        from functions.api.auth.id_token import IdToken

        return IdToken(settings.auth_issuers, settings.auth_audiences, slots)
    from functions.api.auth.access_token import AccessToken

    return AccessToken(settings.auth_tokeninfo_url, settings.auth_clients, slots)


def _permissions(settings: Settings, slots: Slots) -> "Permissions":
    from functions.api.auth.google_iam import Permissions

    return Permissions(settings, slots)
