"""What it costs to break instances of learning with errors: reduction and its price, primal attacks, dual attacks, rows that others published."""
