"""Checks that several papers share: symbolic identities, Gaussian moments, exact rational matrices."""
