"""Google's services as far as the tests need them, served by the test's own process."""
