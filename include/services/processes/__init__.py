"""Child processes in one group: started, watched, recorded, ended."""
