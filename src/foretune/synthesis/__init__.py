"""Makes question-answer datasets to finetune on."""
