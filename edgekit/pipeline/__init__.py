"""The stages joined: plan, cache, build, prove, measure and report; plugins are reached by name only."""
