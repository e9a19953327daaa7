"""The Terraform's environment variables against the settings, its variables against their use."""

import re

from functions.config.settings import Settings
from tests.support.terraform.configuration import Configuration

PLATFORM = {
    *("EMULATOR", "EMULATOR_CLOCK", "EXTENSIONS", "FIRESTORE_EMULATOR_HOST"),
    *("GRPC_ADDRESS", "K_SERVICE"),
}
"""What only the platform, a laptop or a container sets: a function has one port, and no gRPC."""

_NAME = r"\b([A-Z][A-Z_]{2,})\b"


def set_by_terraform(configuration: Configuration) -> set[str]:
    """The environment variables that the functions get whatever the variables say."""
    function = configuration.resources["google_cloudfunctions2_function.function"]
    (service,) = function.body["service_config"]
    here = re.findall(rf"{_NAME} += ", service["environment_variables"])
    return {*configuration.locals["environment"], *here}


def left_to_variables(configuration: Configuration) -> set[str]:
    """Those that `var.settings` may have."""
    (validation,) = configuration.variables["settings"]["validation"]
    return set(re.findall(r'"([A-Z_]+)"', validation["condition"]))


def unsettled(configuration: Configuration) -> list[str]:
    """A sentence for each setting that does not exist, cannot be set, or can be set twice."""
    fixed, free = set_by_terraform(configuration), left_to_variables(configuration)
    settings = {name.upper() for name in Settings.descriptions()}
    return [
        *(f"{name} is no setting" for name in (fixed | free) - settings),
        *(f"{name} cannot be set" for name in settings - fixed - free - PLATFORM),
        *(f"{name} can be set twice" for name in fixed & free),
        *(f"{name} is not for us to set" for name in (fixed | free) & PLATFORM),
    ]


def neglected(configuration: Configuration) -> list[str]:
    """A sentence for each variable, local and output that is not explained or not used."""
    bodies = [resource.body for resource in configuration.resources.values()]
    read = repr([bodies, configuration.locals, configuration.outputs])
    # A variable's own validation is no use of the variable.
    validations = repr([body.get("validation") for body in configuration.variables.values()])
    return [
        *(
            f"variable {name} has no {part}"
            for name, body in configuration.variables.items()
            for part in ("description", "type")
            if not body.get(part)
        ),
        *(
            f"output {name} has no description"
            for name, body in configuration.outputs.items()
            if not body.get("description")
        ),
        *(
            f"{name} is not used"
            for name, text in (
                *((f"var.{name}", read) for name in configuration.variables),
                *((f"local.{name}", read + validations) for name in configuration.locals),
            )
            if not re.search(rf"\b{re.escape(name)}\b", text)
        ),
    ]
