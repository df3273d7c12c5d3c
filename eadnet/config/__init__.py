"""The configuration: one file a section, all strict and frozen; `configuration.Config` is the whole."""
