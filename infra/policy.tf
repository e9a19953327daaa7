# For a service account's access token Google returns the account's unique id and no address. Terraform
# therefore adds a rule with the id behind each rule with an address in POLICY.

locals {
  policy = try(jsondecode(var.settings["POLICY"]), [])

  policy_accounts = toset(flatten([
    for rule in local.policy : regexall("^email:(.+[.]gserviceaccount[.]com)$", rule.principal)
  ]))

  settings = length(local.policy_accounts) == 0 ? var.settings : merge(var.settings, {
    POLICY = jsonencode(flatten([
      for rule in local.policy : [
        [rule],
        [
          for address in local.policy_accounts :
          merge(rule, { principal = "claim:azp=${data.google_service_account.policy[address].unique_id}" })
          if rule.principal == "email:${address}"
        ],
      ]
    ]))
  })
}

data "google_service_account" "policy" {
  for_each = local.policy_accounts

  account_id = each.key
}
