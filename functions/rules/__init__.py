"""Domain rules without IO and without a clock: names, ids, records, expiry, state scopes, runs."""
