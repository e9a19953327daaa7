"""Agent Engine Sessions, one module per API method; rooms: api, messages, aip, rules, store."""
