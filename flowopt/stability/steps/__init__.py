"""Which steps are stable: limits, transient growth, pseudospectra."""
