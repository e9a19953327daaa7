# The size of the functions and the access to them. The defaults of memory and timeouts are in the table
# in functions.tf.

variable "runtime" {
  description = "Runtime of the functions: python311, python312 or python313."
  type        = string
  default     = "python313"
}

variable "cpu" {
  description = "vCPUs of an instance: 1, 2, 4, 6 or 8. Python uses one at a time, so more instances help more than larger ones. With less than 1 an instance would serve one request at a time."
  type        = string
  default     = "1"

  validation {
    condition     = contains(["1", "2", "4", "6", "8"], var.cpu)
    error_message = "cpu must be 1, 2, 4, 6 or 8."
  }
}

variable "memory" {
  description = "Memory by target, such as { list_events = \"2Gi\" }, instead of the value in the table in functions.tf."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.memory), keys(local.targets))) == 0
    error_message = "memory names a target that is not in the table in functions.tf."
  }
}

variable "timeouts" {
  description = "Seconds that a request may take, by target, such as { purge_expired_sessions = 600 }, instead of the value in the table in functions.tf. The purge may have at most 1,740, because Cloud Scheduler waits 1,800."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for seconds in values(var.timeouts) : seconds >= 30 && seconds <= 3600])
    error_message = "timeouts must be 30 to 3600 seconds."
  }

  validation {
    condition     = lookup(var.timeouts, "purge_expired_sessions", 30) <= 1740
    error_message = "purge_expired_sessions may take 1740 seconds at most: Cloud Scheduler calls again after 1800 without an answer."
  }

  validation {
    condition     = length(setsubtract(keys(var.timeouts), keys(local.targets))) == 0
    error_message = "timeouts names a target that is not in the table in functions.tf."
  }
}

variable "concurrency" {
  description = "Requests that one instance serves at a time. A request mostly waits for Firestore, so one vCPU serves dozens."
  type        = number
  default     = 40

  validation {
    condition     = var.concurrency >= 1 && var.concurrency <= 1000
    error_message = "concurrency must be 1 to 1000."
  }
}

variable "threads" {
  description = "Threads of the server in an instance (THREADS of functions-framework). Null: the value of concurrency. With fewer threads, requests that Cloud Run has handed to an instance wait inside it."
  type        = number
  default     = null
}

variable "watchers" {
  description = "Streams that one instance of watch_events holds in the shape per_method; each takes a thread. In the shape router, three quarters of the threads may hold streams."
  type        = number
  default     = 250

  validation {
    condition     = var.watchers >= 1 && var.watchers <= 1000
    error_message = "watchers must be 1 to 1000."
  }
}

variable "min_instances" {
  description = "Instances of each function that stay started and cost money while idle. With 0 the first request after a pause waits for a start. The purge always has 0."
  type        = number
  default     = 0
}

variable "max_instances" {
  description = "Largest number of instances of each function; it bounds the cost and the load on Firestore. The purge has as many as purge_jobs needs."
  type        = number
  default     = 20
}

variable "startup_cpu_boost" {
  description = "true: an instance gets more CPU while it starts, at a price, for shorter cold starts. false: Terraform switches the boost off with gcloud, which must be installed and signed in."
  type        = bool
  default     = true
}

variable "invoker_iam_check" {
  description = "true: Cloud Run checks IAM before it passes a request on. false: everybody reaches the API, also if the organization forbids allUsers as an invoker, and the setting AUTH decides whose requests it answers. false needs gcloud, installed and signed in."
  type        = bool
  default     = true

  validation {
    condition     = var.invoker_iam_check || !local.trusts_iam
    error_message = "Without the check, IAM verifies nobody: set AUTH in settings, without iam."
  }
}

variable "ingress" {
  description = "Sources of requests: ALLOW_ALL, ALLOW_INTERNAL_AND_GCLB for your networks and load balancers, or ALLOW_INTERNAL_ONLY for your networks. Cloud Scheduler is internal. API Gateway is external, so per_method needs ALLOW_ALL."
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
  description = "Region of API Gateway, which not every region offers. Null: the region of the functions."
  type        = string
  default     = null
}
