# The size of the functions, and who reaches them. memory and timeouts begin with the table in
# functions.tf.

variable "runtime" {
  description = "Runtime of the functions: python311, python312 or python313."
  type        = string
  default     = "python313"
}

variable "cpu" {
  description = "vCPUs of an instance: 1, 2, 4, 6 or 8. Python uses one at a time, so more instances serve better than larger ones. Less than 1 would allow only one request at a time."
  type        = string
  default     = "1"

  validation {
    condition     = contains(["1", "2", "4", "6", "8"], var.cpu)
    error_message = "cpu must be 1, 2, 4, 6 or 8."
  }
}

variable "memory" {
  description = "Memory by target, such as { list_events = \"2Gi\" }, instead of what the table in functions.tf says."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.memory), keys(local.targets))) == 0
    error_message = "memory names a target that is not in the table in functions.tf."
  }
}

variable "timeouts" {
  description = "Seconds that a request may take, by target, such as { purge_expired_sessions = 600 }, instead of what the table in functions.tf says. The purge may have 1,740 at most, since Cloud Scheduler waits 1,800."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for seconds in values(var.timeouts) : seconds >= 30 && seconds <= 3600])
    error_message = "timeouts must be 30 to 3600 seconds."
  }

  validation {
    condition     = lookup(var.timeouts, "purge_expired_sessions", 30) <= 1740
    error_message = "purge_expired_sessions may take 1740 seconds at most: Cloud Scheduler calls again what has not answered in 1800."
  }

  validation {
    condition     = length(setsubtract(keys(var.timeouts), keys(local.targets))) == 0
    error_message = "timeouts names a target that is not in the table in functions.tf."
  }
}

variable "concurrency" {
  description = "Requests that one instance serves at a time. Most of a request's time is waiting for Firestore, so one vCPU carries dozens."
  type        = number
  default     = 40

  validation {
    condition     = var.concurrency >= 1 && var.concurrency <= 1000
    error_message = "concurrency must be 1 to 1000."
  }
}

variable "threads" {
  description = "Threads of the server in an instance (THREADS of functions-framework). Null: as many as concurrency; fewer make requests wait inside the instance while Cloud Run believes them served."
  type        = number
  default     = null
}

variable "watchers" {
  description = "Streams that one instance of watch_events holds in the shape per_method, each in a thread of its own. In the shape router, three quarters of the threads may stream."
  type        = number
  default     = 250

  validation {
    condition     = var.watchers >= 1 && var.watchers <= 1000
    error_message = "watchers must be 1 to 1000."
  }
}

variable "min_instances" {
  description = "Instances of each function that are kept warm and are paid for while idle. 0 costs nothing, but the first request after a pause waits for a start; 1 spares it that. The purge always has 0."
  type        = number
  default     = 0
}

variable "max_instances" {
  description = "The most instances of each function: the bound on cost, and on load on Firestore. The purge always has 1."
  type        = number
  default     = 20
}

variable "startup_cpu_boost" {
  description = "More CPU while an instance starts, for shorter cold starts, billed for those seconds. Functions have it by default; false switches it off with gcloud, which must be installed and signed in."
  type        = bool
  default     = true
}

variable "invoker_iam_check" {
  description = "Whether Cloud Run checks IAM before the API is called. false lets everybody reach it where the organization forbids allUsers as an invoker; the setting AUTH then says who is let in. It needs gcloud, installed and signed in."
  type        = bool
  default     = true

  validation {
    condition     = var.invoker_iam_check || !contains(split(",", replace(lookup(var.settings, "AUTH", "iam"), " ", "")), "iam")
    error_message = "Without the check, IAM verifies nobody: set AUTH, without iam, in settings."
  }
}

variable "ingress" {
  description = "Where requests may come from: ALLOW_ALL, ALLOW_INTERNAL_AND_GCLB for your networks and load balancers, ALLOW_INTERNAL_ONLY for your networks. Cloud Scheduler is internal; API Gateway is not, so per_method needs ALLOW_ALL."
  type        = string
  default     = "ALLOW_ALL"

  validation {
    condition     = contains(["ALLOW_ALL", "ALLOW_INTERNAL_AND_GCLB", "ALLOW_INTERNAL_ONLY"], var.ingress)
    error_message = "ingress must be ALLOW_ALL, ALLOW_INTERNAL_AND_GCLB or ALLOW_INTERNAL_ONLY."
  }

  validation {
    condition     = var.shape == "router" || var.ingress == "ALLOW_ALL"
    error_message = "per_method needs ALLOW_ALL: API Gateway calls the functions from outside."
  }
}

variable "gateway_location" {
  description = "Region of API Gateway, which not every region has. Null: that of the functions."
  type        = string
  default     = null
}
