"""Domain rules without IO and without a clock: names, expiry, state scopes, what is stored."""
