"""What tests of several kinds share: callers, servers, stand-ins for Google, readers of files.

It holds neither tests nor fixtures.
"""
