"""The command line: one module for each group of commands, all thin over the workbench and the session."""
