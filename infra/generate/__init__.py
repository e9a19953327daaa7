"""Makes the files of this repository that follow from its code; the Makefile says which."""
