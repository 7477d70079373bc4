//! What this machine offers to a sandbox.
