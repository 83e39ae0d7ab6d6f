"""Where a field rests: equilibria, their kinds, basins, sliding rests."""
