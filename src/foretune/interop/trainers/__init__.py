"""Configurations as files of other trainers: one file per trainer, entered in `registry`."""
