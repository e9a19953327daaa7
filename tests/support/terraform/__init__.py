"""The Terraform of `infra/`, read and judged without a cloud."""
