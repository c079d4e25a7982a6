"""Model versions: artefact files by digest, and which version serves."""
