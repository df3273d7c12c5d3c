"""How names of media files end, in lower case: what is video, sound or a picture wherever a folder is read. Light."""

VIDEO_SUFFIXES = frozenset(".mp4 .mov .m4v .mkv .webm .avi .mpg .mpeg .ts .mts .wmv .flv .ogv .3gp .gif".split())
AUDIO_SUFFIXES = (".wav", ".m4a", ".flac", ".mp3", ".ogg", ".aac")
"""In the order in which sound is looked for beside a video."""
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
