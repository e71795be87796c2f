"""Makes question-answer datasets to finetune on: from documents, from facts, by rules."""
