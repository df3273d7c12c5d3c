"""Where the project and the real media stand."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
"""Real clips beside the checkout; tests that need them are skipped where they are not."""
