"""Building blocks of Google's API Improvement Proposals, without any knowledge of sessions."""
