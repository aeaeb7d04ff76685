"""Landscapes, runs, rates, regret, sharpness, escape and networks."""
