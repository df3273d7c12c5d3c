"""Media: decoding, reading and writing of video and sound."""
