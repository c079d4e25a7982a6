"""The job that brings user-days and values up to date: what is to be done, in which order, under which lock."""
