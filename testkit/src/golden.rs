//! Small scenes with their outputs.
