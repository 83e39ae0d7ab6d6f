"""How time is discretised: tableaus, compiled steppers, switching, trajectories."""
