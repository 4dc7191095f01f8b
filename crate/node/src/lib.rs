//! The N-API bridge: thin, no logic, one file a topic.
