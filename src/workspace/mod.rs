//! Where skills are: discovery and watching.
