"""Entry point of ``python -m eadnet``."""

from eadnet.cli.main import main

if __name__ == "__main__":
    main()
