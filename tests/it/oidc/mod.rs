//! The authorization server, as its clients see it.

mod backchannel;
mod logout;
