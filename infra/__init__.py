"""The deployment on Google Cloud: Terraform, scripts, and generators of documents and data."""
