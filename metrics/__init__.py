"""The protocol: scores anybody's talking-head videos against the clips they imitate.

Reads preprocessed clips and generated videos; never imports a model of the method it judges.
"""
