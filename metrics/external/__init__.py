"""Other people's methods: what they are given, how their scripts are run, and where their pictures go."""
