"""Entry point of ``python -m eadnet``."""

from eadnet.cli import main

if __name__ == "__main__":
    main()
