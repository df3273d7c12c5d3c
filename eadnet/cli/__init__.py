"""The command lines of the method: ``python -m eadnet <verb>``, one file a stage; shared options in ``options``."""
