# Rules of service accounts hold for their access tokens, which carry their unique ids alone.

mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "123456789" }
  }
  mock_data "google_service_account" {
    defaults = { unique_id = "104152637485960718293" }
  }
  mock_resource "google_service_account" {
    defaults = {
      member = "serviceAccount:somebody@my-project.iam.gserviceaccount.com"
      email  = "somebody@my-project.iam.gserviceaccount.com"
    }
  }
}
mock_provider "google" {
  alias = "billing"
}
mock_provider "google-beta" {
  mock_resource "google_project_service_identity" {
    defaults = { member = "serviceAccount:google@gserviceaccount.com" }
  }
}
mock_provider "time" {}
mock_provider "archive" {
  mock_data "archive_file" {
    defaults = { output_sha256 = "0123456789abcdef" }
  }
}

variables {
  project  = "my-project"
  location = "us-central1"
}

run "a_rule_of_an_account_is_followed_by_one_of_its_unique_id" {
  command = plan

  variables {
    settings = {
      AUTH   = "iam"
      POLICY = "[{\"principal\":\"email:agent@my-project.iam.gserviceaccount.com\",\"role\":\"agent\",\"engines\":[\"projects/p/locations/l/reasoningEngines/1\"]},{\"principal\":\"email:ada@example.com\",\"role\":\"admin\"}]"
    }
  }

  assert {
    condition = jsondecode(google_cloudfunctions2_function.function["sessions_api"].service_config[0].environment_variables["POLICY"]) == [
      { engines = ["projects/p/locations/l/reasoningEngines/1"], principal = "email:agent@my-project.iam.gserviceaccount.com", role = "agent" },
      { engines = ["projects/p/locations/l/reasoningEngines/1"], principal = "claim:azp=104152637485960718293", role = "agent" },
      { principal = "email:ada@example.com", role = "admin" },
    ]
    error_message = "the rules should be three, in this order"
  }
}

run "a_policy_of_others_stays_as_it_is" {
  command = plan

  variables {
    settings = { POLICY = "[ ]" }
  }

  assert {
    condition     = google_cloudfunctions2_function.function["sessions_api"].service_config[0].environment_variables["POLICY"] == "[ ]"
    error_message = "nothing was to be changed"
  }
}
