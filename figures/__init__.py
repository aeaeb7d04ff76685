"""Figures of the papers: pure data, drawing, and the gallery."""
