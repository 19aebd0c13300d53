"""Scripted scenarios on the real service, their live view and their summaries."""
