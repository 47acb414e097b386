//! What the certification of OpenID Connect asks of a provider, tried against the built server over https. Each test has the name of
//! the module that asks; the plans differ in how the answer comes back and in how clients prove themselves.

mod basic;
mod configuration;
mod dynamic;
mod logout;
mod ours;
mod party;
mod suite;
mod third_party;

use party::{Answer, Party, Request, Tokens};
use suite::{Mode, Suite};

/// Makes a test of each module for the plans Basic and Form Post Basic, which have the same modules.
macro_rules! in_both_modes {
    ($($module:ident),+ $(,)?) => {
        mod query {
            use crate::conformance::{Mode, Suite};
            $(
                #[tokio::test]
                async fn $module() {
                    super::$module(&Suite::start(Mode::Query).await).await;
                }
            )+
        }
        mod form_post {
            use crate::conformance::{Mode, Suite};
            $(
                #[tokio::test]
                async fn $module() {
                    super::$module(&Suite::start(Mode::FormPost).await).await;
                }
            )+
        }
    };
}
use in_both_modes;
