//! The workbench: a terminal program.
