"""Finetuning itself: data in, adapters out, a slice of a run at a time.

The one room that knows torch, transformers and PEFT; everything above sees `Trial` and `Report` only.
"""
