//! The flows: signing up, signing in, proving an address, getting back in, leaving.
//!
//! A flow returns an outcome; each facade renders every arm of it.

pub(crate) mod delete;
pub(crate) mod email;
pub(crate) mod email_change;
mod links;
pub(crate) mod password;
pub(crate) mod profile;
pub(crate) mod recover;
pub(crate) mod resolve;
pub(crate) mod sign_in;
pub(crate) mod sign_up;

pub use delete::{DeleteAccount, DeleteProof, Deletion};
pub use email::{EmailFlow, EmailVerification, GivenCode, VerifyLink};
pub use email_change::{ChangeEmail, ChangeStep};
pub use password::{ChangePassword, PasswordChange, Passwords};
pub use profile::Profiles;
pub use recover::PasswordReset;
pub use resolve::{Refresh, Resolved};
pub use sign_in::{PasswordSignIn, SignIn, SignedIn};
pub use sign_up::{NewAccount, SignUp, SignedUp};
