"""What the Snakefile's rules are made of, as plain Python: the plan of jobs and the versions of stages."""
