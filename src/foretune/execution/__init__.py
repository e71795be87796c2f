"""Where trials run: in this process (`in_process`), or in a child process of their own (`subprocess`, `worker`)."""
