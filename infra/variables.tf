# Agent Engine Sessions in a project of your own: Cloud Functions (2nd gen) on Firestore.
#
#   cd infra
#   terraform init
#   terraform apply -var=project=my-project
#
# deploys the default shape: one function that serves the whole API, another that purges every ten
# minutes, and a Firestore database. Only the members in `invokers` may call the API.
#
# `-var=shape=per_method` deploys every method as a function of its own behind API Gateway instead.
# Sizes are in variables_functions.tf, the database in variables_firestore.tf, alerts in
# variables_alerts.tf.

variable "project" {
  description = "Id of the Google Cloud project; billing must be on."
  type        = string
}

variable "location" {
  description = "Region of the functions, and what short names of the API take for their location."
  type        = string
  default     = "us-central1"
}

variable "name" {
  description = "Begins the name of everything that is made: functions, accounts, bucket, images, gateway, alerts. Two deployments in one project need two names."
  type        = string
  default     = "sessions"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}$", var.name))
    error_message = "name must be 2 to 16 of a-z, 0-9 and -, and begin with a letter."
  }
}

variable "shape" {
  description = "router: one function serves the whole API. per_method: each method is a function, all behind API Gateway on one host; more cold starts, but each method scales, is sized and is watched by itself. The gateway hands everything on, and the setting AUTH says who is let in."
  type        = string
  default     = "router"

  validation {
    condition     = contains(["router", "per_method"], var.shape)
    error_message = "shape must be router or per_method."
  }
}

variable "invokers" {
  description = "Who may call the API in the shape router, and watch_events in per_method, as IAM members such as user:ada@example.com or serviceAccount:…; allUsers lets everybody reach it, and the setting AUTH then says who is let in."
  type        = list(string)
  default     = []

  validation {
    condition     = !contains(var.invokers, "allUsers") || !contains(split(",", replace(lookup(var.settings, "AUTH", "iam"), " ", "")), "iam")
    error_message = "With allUsers, IAM verifies nobody: set AUTH, without iam, in settings."
  }
}

variable "settings" {
  description = "Settings from the README's table by name, such as { MIN_TTL = \"3600s\" }. Those that are not given keep their defaults."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.settings), ["API_KEYS", "AUTH", "AUTH_AUDIENCES", "AUTH_CLIENTS", "AUTH_GATEWAY_USERINFO", "AUTH_ISSUERS", "AUTH_RESOURCE_MANAGER_URL", "AUTH_TOKENINFO_URL", "CLIENT_TIMEOUT", "CORS_ORIGINS", "DEFAULT_PAGE_SIZE", "INDEXED_LABELS", "LOG_REQUESTS", "MAX_BODY_BYTES", "MAX_FILTER_COMPARISONS", "MAX_FILTER_LENGTH", "MAX_HEAD_BYTES", "MAX_JSON_DEPTH", "MAX_JSON_VALUES", "MAX_PAGE_SIZE", "MIN_TTL", "POLICY", "REQUIRE_ENGINE", "SHARDS", "STORE_TIMEOUT", "UNKNOWN_FIELDS", "WATCH_HEARTBEAT", "WORKERS"])) == 0
    error_message = "settings may have API_KEYS, AUTH, AUTH_AUDIENCES, AUTH_CLIENTS, AUTH_GATEWAY_USERINFO, AUTH_ISSUERS, AUTH_RESOURCE_MANAGER_URL, AUTH_TOKENINFO_URL, CLIENT_TIMEOUT, CORS_ORIGINS, DEFAULT_PAGE_SIZE, INDEXED_LABELS, LOG_REQUESTS, MAX_BODY_BYTES, MAX_FILTER_COMPARISONS, MAX_FILTER_LENGTH, MAX_HEAD_BYTES, MAX_JSON_DEPTH, MAX_JSON_VALUES, MAX_PAGE_SIZE, MIN_TTL, POLICY, REQUIRE_ENGINE, SHARDS, STORE_TIMEOUT, UNKNOWN_FIELDS, WATCH_HEARTBEAT and WORKERS; all others are set by this configuration."
  }
}

variable "secrets" {
  description = "Settings that are secret: name of the environment variable to the Secret Manager secret that holds it, which must exist with that version. A number as version makes a rotation an apply; latest is read when an instance starts."
  type = map(object({
    secret  = string
    version = optional(string, "latest")
  }))
  default = {}
}

variable "source_object" {
  description = "Object in the source bucket to deploy instead of the working tree, to roll back: terraform output source_object names the present one, and none is ever deleted."
  type        = string
  default     = null
}
