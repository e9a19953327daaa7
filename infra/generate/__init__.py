"""Generators of files of this repository; the Makefile lists them."""
