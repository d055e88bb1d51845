//! Models of the real code under the loom model checker.
