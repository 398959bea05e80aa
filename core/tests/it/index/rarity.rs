//! What the embedded engine promises across restarts, kills and damage.
