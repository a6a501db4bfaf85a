//! Scenario files, read with every mistake at its place.
