//! Attacks that were published against others, tried here.

mod limits;
