"""The command line: one file a verb, each thin over `edgekit.api`; nothing heavy is imported before a verb runs."""
