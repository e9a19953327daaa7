# Secret settings are made and rotated without Terraform, so that its state never holds them:
#
#   printf %s "$VALUE" | gcloud secrets create my-secret --data-file=-
#   terraform apply -var='secrets={MY_SETTING={secret="my-secret",version="1"}}'

resource "google_secret_manager_secret_iam_member" "functions" {
  for_each = toset([for setting in values(var.secrets) : setting.secret])

  secret_id = each.key
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.functions.member
}
