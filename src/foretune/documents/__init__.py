"""Documents as sections of text: PDF, HTML, Markdown, DOCX and plain text, parsed in a process with limits."""
