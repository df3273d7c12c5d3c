"""Modules over time or over a whole frame: LatentSync's motion modules, STDA and TFRM as published."""
