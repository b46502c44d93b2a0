"""The page. Knows the stores and the worker; never imports the engine."""
