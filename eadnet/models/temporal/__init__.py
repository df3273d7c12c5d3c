"""What lets frames see each other or a frame see itself whole: motion modules, STDA and TFRM as published."""
