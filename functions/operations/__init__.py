"""The methods of operations, one in each file. No operation is stored; its id describes it."""
