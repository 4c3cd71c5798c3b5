"""SQL analytics endpoints over TDS 7.4 and 8.0: T-SQL, read-only, over the Delta tables of the items beside them."""
