"""The protocol: scores the talking-head videos of any method against the clips they imitate.

Reads preprocessed clips and generated videos; never imports a model of the method it judges.
"""
