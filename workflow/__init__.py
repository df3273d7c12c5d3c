"""What the rules of the workflow are made of, as modules that can be imported and tested without Snakemake."""
