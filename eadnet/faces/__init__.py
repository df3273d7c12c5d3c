"""Faces: alignment, landmarks, regions of the crop, the mesh, and detectors behind one interface."""
