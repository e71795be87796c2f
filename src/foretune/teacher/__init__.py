"""Chat models that write and judge: an endpoint of the chat completions API, or a model of this machine."""
