"""What jobs that know nothing of each other share: the GPUs of a machine, and the folders that they write."""
