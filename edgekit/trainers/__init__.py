"""Trainers: each file trains, fine-tunes and prunes in one framework."""
