//! Reports of runs and checks for people and machines.
