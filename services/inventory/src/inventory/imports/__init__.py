"""Files in, lots out: parsed whole and safely first, then made into lots chunk by chunk."""
