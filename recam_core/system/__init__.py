"""The machine: files, locks, folders, jobs, devices, and who computes when."""
