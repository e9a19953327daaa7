"""The methods of operations, one a file; no operation is stored, its id says what it did."""
