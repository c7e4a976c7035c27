"""What every plugin must do, whoever wrote it: parametrized from the registry, so that a new one is tested by existing."""
