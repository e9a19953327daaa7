"""What Google Cloud and others are told: Terraform, and documents that are made from the code."""
