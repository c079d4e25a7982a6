"""The training job: labelled visits out of the stores, candidates into the registry, promotion when they are better."""
