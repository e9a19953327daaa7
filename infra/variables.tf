# Agent Engine Sessions in a project of your own: Cloud Functions (2nd gen) on Firestore.
#
#   cd infra
#   terraform init
#   terraform apply -var=project=my-project
#
# deploys the default shape: one function that serves the whole API, one that purges every ten minutes,
# and a Firestore database. Only the members in `invokers` may call the API.
#
# `-var=shape=per_method` deploys every method as a function of its own behind API Gateway instead.
# Sizes are in variables_functions.tf, the database in variables_firestore.tf, alerts in
# variables_alerts.tf.

variable "project" {
  description = "Id of the Google Cloud project; billing must be on."
  type        = string
}

variable "location" {
  description = "Region of the functions, and the location of short names in the API."
  type        = string
  default     = "us-central1"
}

variable "name" {
  description = "Prefix of all names that this configuration makes: functions, accounts, bucket, images, gateway, alerts. Two deployments in one project need two names."
  type        = string
  default     = "sessions"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}$", var.name))
    error_message = "name must be 2 to 16 of a-z, 0-9 and -, and begin with a letter."
  }
}

variable "shape" {
  description = "router: one function serves the whole API. per_method: each method is a function, and API Gateway serves all of them on one host. It has more cold starts, but each method has its own scale, size and metrics. The gateway forwards every request, and the setting AUTH decides whose requests the functions answer."
  type        = string
  default     = "router"

  validation {
    condition     = contains(["router", "per_method"], var.shape)
    error_message = "shape must be router or per_method."
  }
}

variable "invokers" {
  description = "IAM members that may call the API in the shape router, and watch_events and export_sessions in per_method, such as user:ada@example.com or serviceAccount:…. With allUsers everybody reaches the API, and the setting AUTH decides whose requests it answers."
  type        = list(string)
  default     = []

  validation {
    condition     = !contains(var.invokers, "allUsers") || !local.trusts_iam
    error_message = "With allUsers, IAM verifies nobody: set AUTH in settings, without iam."
  }
}

variable "settings" {
  description = "Settings of docs/settings.md by name, such as { MIN_TTL = \"3600s\" }. A setting that is not here keeps its default."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.settings), ["API_KEYS", "AUTH", "AUTH_AUDIENCES", "AUTH_CLIENTS", "AUTH_GATEWAY_USERINFO", "AUTH_ISSUERS", "AUTH_RESOURCE_MANAGER_URL", "AUTH_TOKENINFO_URL", "CLIENT_TIMEOUT", "COMPACT_KEEP_INVOCATIONS", "COMPACT_TOOL_RESPONSE_BYTES", "CONSOLE", "CONSOLE_API_URL", "CONSOLE_CLIENT_ID", "CONSOLE_RESPONSE_TYPE", "CORS_ORIGINS", "DEFAULT_PAGE_SIZE", "INDEXED_LABELS", "LOG_REQUESTS", "MAX_FILTER_COMPARISONS", "MAX_FILTER_LENGTH", "MAX_HEAD_BYTES", "MAX_JSON_DEPTH", "MAX_JSON_VALUES", "MAX_PAGE_SIZE", "MIN_TTL", "OTEL_EXPORTER_OTLP_ENDPOINT", "POLICY", "REQUIRE_ENGINE", "SESSION_IDS", "SHARDS", "STORE_TIMEOUT", "SUMMARIZER_TARGET_BYTES", "SUMMARIZER_URL", "UNKNOWN_FIELDS", "WATCH_HEARTBEAT", "WORKERS", "WORK_TIME_LIMIT"])) == 0
    error_message = "settings may have API_KEYS, AUTH, AUTH_AUDIENCES, AUTH_CLIENTS, AUTH_GATEWAY_USERINFO, AUTH_ISSUERS, AUTH_RESOURCE_MANAGER_URL, AUTH_TOKENINFO_URL, CLIENT_TIMEOUT, COMPACT_KEEP_INVOCATIONS, COMPACT_TOOL_RESPONSE_BYTES, CONSOLE, CONSOLE_API_URL, CONSOLE_CLIENT_ID, CONSOLE_RESPONSE_TYPE, CORS_ORIGINS, DEFAULT_PAGE_SIZE, INDEXED_LABELS, LOG_REQUESTS, MAX_FILTER_COMPARISONS, MAX_FILTER_LENGTH, MAX_HEAD_BYTES, MAX_JSON_DEPTH, MAX_JSON_VALUES, MAX_PAGE_SIZE, MIN_TTL, OTEL_EXPORTER_OTLP_ENDPOINT, POLICY, REQUIRE_ENGINE, SESSION_IDS, SHARDS, STORE_TIMEOUT, SUMMARIZER_TARGET_BYTES, SUMMARIZER_URL, UNKNOWN_FIELDS, WATCH_HEARTBEAT, WORKERS and WORK_TIME_LIMIT; all others are set by this configuration."
  }
}

variable "secrets" {
  description = "Secret settings: the name of each setting and the Secret Manager secret that holds its value. The secret and its version must exist. With a number as version, an apply rotates the secret; with latest, an instance reads the newest version when it starts."
  type = map(object({
    secret  = string
    version = optional(string, "latest")
  }))
  default = {}
}

variable "source_object" {
  description = "Object in the source bucket to deploy instead of the working tree, for a rollback. The output source_object names the present object; no object is ever deleted. Null: the working tree."
  type        = string
  default     = null
}
