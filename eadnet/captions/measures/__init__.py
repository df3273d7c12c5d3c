"""What is measured of a clip before it is captioned: action units, head motion, gaze and voice."""
