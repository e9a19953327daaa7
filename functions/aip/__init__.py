"""Building blocks of Google's API Improvement Proposals; they know nothing of sessions."""
