//! What happens between several requests, or between many at once, or later.
