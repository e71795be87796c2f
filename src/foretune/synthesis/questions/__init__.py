"""Question-answer pairs from documents, written by a teacher and filtered."""
