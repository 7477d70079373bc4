//! YAML with places: the one module that owns both YAML readers.
