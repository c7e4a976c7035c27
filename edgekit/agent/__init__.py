"""What runs on the device: reads a job, opens the artifacts, runs or measures them, and writes a result."""
