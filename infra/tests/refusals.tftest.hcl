# `terraform test`, in infra/: values that would deploy something broken are refused beforehand.

mock_provider "google" {}
mock_provider "google" {
  alias = "billing"
}
mock_provider "google-beta" {}
mock_provider "time" {}
mock_provider "archive" {}

variables {
  project = "my-project"
}

run "an_unknown_shape" {
  command         = plan
  expect_failures = [var.shape]
  variables {
    shape = "mesh"
  }
}

run "a_setting_that_is_misspelled" {
  command         = plan
  expect_failures = [var.settings]
  variables {
    settings = { MIN_TLL = "0s" }
  }
}

run "memory_of_a_target_that_is_not_there" {
  command         = plan
  expect_failures = [var.memory]
  variables {
    memory = { list_session = "1Gi" }
  }
}

run "more_purge_jobs_than_parts" {
  command         = plan
  expect_failures = [var.purge_jobs]
  variables {
    purge_jobs = 31
  }
}

run "a_timeout_of_a_target_that_is_not_there" {
  command         = plan
  expect_failures = [var.timeouts]
  variables {
    timeouts = { purge = 60 }
  }
}

run "a_timeout_that_leaves_the_purge_no_time" {
  command         = plan
  expect_failures = [var.timeouts]
  variables {
    timeouts = { purge_expired_sessions = 20 }
  }
}

run "functions_that_the_gateway_cannot_reach" {
  command         = plan
  expect_failures = [var.ingress]
  variables {
    shape   = "per_method"
    ingress = "ALLOW_INTERNAL_ONLY"
  }
}

run "everybody_let_in_as_whoever_they_say" {
  command         = plan
  expect_failures = [var.invokers]
  variables {
    invokers = ["allUsers"]
    settings = { AUTH = "iam, api_key" }
  }
}

run "everybody_let_in_as_whoever_they_say_without_a_comma" {
  command         = plan
  expect_failures = [var.invokers]
  variables {
    invokers = ["allUsers"]
    settings = { AUTH = "id_token iam" }
  }
}

run "everybody_let_in_with_nothing_to_prove" {
  command         = plan
  expect_failures = [var.invokers]
  variables {
    invokers = ["allUsers"]
  }
}

run "everybody_past_iam_as_whoever_they_say" {
  command         = plan
  expect_failures = [var.invoker_iam_check]
  variables {
    invoker_iam_check = false
  }
}

run "everybody_past_iam_as_whoever_they_say_without_a_comma" {
  command         = plan
  expect_failures = [var.invoker_iam_check]
  variables {
    invoker_iam_check = false
    settings          = { AUTH = "iam id_token" }
  }
}

run "everybody_past_iam_as_whoever_they_say_between_tabs_and_lines" {
  command         = plan
  expect_failures = [var.invoker_iam_check]
  variables {
    invoker_iam_check = false
    settings          = { AUTH = "id_token\tiam\napi_key" }
  }
}

run "everybody_past_iam_with_an_auth_that_has_no_word" {
  command         = plan
  expect_failures = [var.invoker_iam_check]
  variables {
    invoker_iam_check = false
    settings          = { AUTH = " , " }
  }
}

run "a_purge_that_outlasts_the_scheduler" {
  command         = plan
  expect_failures = [var.timeouts]
  variables {
    timeouts = { purge_expired_sessions = 1800 }
  }
}

run "backups_for_longer_than_firestore_keeps_them" {
  command         = plan
  expect_failures = [var.daily_backup_days, var.weekly_backup_weeks]
  variables {
    daily_backup_days   = 99
    weekly_backup_weeks = 15
  }
}
