//! The Rust in the prose, compiled with the documentation tests.

macro_rules! pages {
    ($($name:ident = $path:literal;)+) => {$(
        #[doc = include_str!(concat!("../../", $path))]
        struct $name;
    )+};
}

pages! {
    Readme = "README.md";
    Embed = "book/src/quick-start/embed.md";
    BaseService = "book/src/quick-start/base-service.md";
    TrustAnchor = "book/src/base-services/trust-anchor.md";
    AccessTokens = "book/src/base-services/access-tokens.md";
    Provisioning = "book/src/base-services/provisioning.md";
    DeviceSessions = "book/src/using/device-sessions.md";
    Pages = "book/src/using/pages.md";
    Mail = "book/src/operating/mail.md";
}
