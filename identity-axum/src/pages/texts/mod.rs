//! Every text that a person sees, in every language that is spoken: whole sentences with named slots, one key for each place.
//!
//! A key is a page and an element. A language that lacks one does not compile, nor does a template that asks for another, or gives
//! it other slots. A text with a `[label]` has one part that is a link or stands out.

mod en;
mod fr;
mod language;

use std::fmt::Display;

pub(super) use language::Language;

macro_rules! catalogue {
    ($($(#[$doc:meta])+ $page:ident { $($element:ident $(($($slot:ident),+))?;)+ })+) => {
        /// The texts of one language.
        #[derive(Debug)]
        pub(super) struct Texts {
            $($(#[$doc])+ pub(super) $page: $page::Texts,)+
        }

        $(
            $(#[$doc])+
            pub(super) mod $page {
                #[derive(Debug)]
                pub(in crate::pages) struct Texts {
                    $(pub(in crate::pages::texts) $element: &'static str,)+
                }

                impl Texts {
                    $(catalogue!(@text $element $(($($slot),+))?);)+
                }
            }
        )+

        /// Every key with its slots.
        #[cfg(test)]
        const KEYS: &[(&str, &str, &[&str])] =
            &[$($((stringify!($page), stringify!($element), &[$($(stringify!($slot)),+)?]),)+)+];

        #[cfg(test)]
        impl Texts {
            /// The texts in the order of the keys, with their slots as they were written.
            fn all(&self) -> Vec<&'static str> {
                vec![$($(self.$page.$element,)+)+]
            }
        }
    };
    (@text $element:ident) => {
        pub(in crate::pages) fn $element(&self) -> &'static str {
            self.$element
        }
    };
    (@text $element:ident ($($slot:ident),+)) => {
        pub(in crate::pages) fn $element(&self, $($slot: impl std::fmt::Display),+) -> String {
            super::fill(self.$element, &[$((stringify!($slot), &$slot as &dyn std::fmt::Display)),+])
        }
    };
}

catalogue! {
    /// What surrounds every page.
    layout {
        skip;
        legal;
        language;
        policy(client);
        terms(client);
    }
    /// What several pages say.
    common {
        email;
        password;
        code;
        sign_in;
        start;
        password_hint(min);
        wrong_fields(count);
        no_email;
        bad_email;
        no_password;
        short_password(min);
        long_password(max);
        no_code;
        wait_one;
        wait(seconds);
        busy;
    }
    /// Signing in.
    login {
        title;
        heading(client);
        heading_alone(app);
        lede(app);
        forgot;
        remember;
        register;
        cancel(client);
        wrong;
        wrong_hint;
        blocked(app);
        verified;
        reset;
    }
    /// Making an account.
    register {
        title;
        lede(client);
        name;
        submit;
        sign_in;
        no_name;
        bad_name;
        taken;
        bad_field;
        yes(field);
    }
    /// Asking for a mail with a link to a new password.
    forgot {
        title;
        lede;
        submit;
        back;
        off;
    }
    /// After a mail was asked for.
    forgot_sent {
        title;
        lede(email);
        lede_alone;
        hint;
        again;
        other;
    }
    /// Choosing a new password.
    reset {
        title;
        lede;
        password;
        submit;
        over;
        over_lede;
        ask;
    }
    /// Proving an address.
    verify {
        title;
        sent(email);
        unsent(email);
        unknown;
        hint;
        submit;
        again;
        send;
        change;
        wrong;
        expired;
        exhausted;
        over;
        off;
    }
    /// Agreeing to what an application wants.
    consent {
        title;
        heading(client);
        signed_in(email);
        not_you;
        list(client);
        openid;
        openid_hint;
        profile;
        profile_hint;
        email;
        address;
        phone;
        offline;
        offline_hint_one;
        offline_hint(days);
        other(scope);
        resources;
        unchecked(client);
        note(client);
        deny;
        allow;
    }
    /// Going on with the account that is signed in, or with another.
    account {
        title;
        heading(client);
        heading_alone;
        lede;
        go_on(name);
        other;
        sign_out;
    }
    /// Entering the code of a device.
    device {
        title;
        lede;
        placeholder;
        hint;
        submit;
        unknown;
    }
    /// Letting the device in.
    device_confirm {
        title;
        heading(client);
        code(code);
        warning;
        warning_hint(app);
        deny;
        allow;
        done;
        done_lede;
        denied;
        denied_lede;
    }
    /// Signing out.
    logout {
        title;
        heading(app);
        lede;
        asked(client);
        cancel;
        confirm;
    }
    /// After signing out.
    logged_out {
        title;
        heading;
        lede;
        again;
        back(client);
    }
    /// Carrying an answer to an application as a form.
    form_post {
        title;
        heading;
        lede(host);
        submit;
    }
    /// When it does not go on.
    error {
        title;
        request;
        address;
        method;
        unreadable;
        large;
        origin;
        form;
        host;
        too_many;
        temporary;
        ours;
        time;
        id;
        report;
    }
}

/// Puts values into the slots of a text.
fn fill(text: &str, slots: &[(&str, &dyn Display)]) -> String {
    let mut filled = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { break };
        filled.push_str(before);
        if let Some((_, value)) = slots.iter().find(|(slot, _)| *slot == name) {
            filled.push_str(&value.to_string());
        }
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// A text in three parts, of which the one in the middle is a link or stands out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Marked {
    pub(super) before: String,
    pub(super) label: String,
    pub(super) after: String,
}

impl Marked {
    /// Takes a text apart at its brackets. `label` takes the place of what stands between them, so that a value can hold brackets.
    pub(super) fn with(text: &str, label: Option<&str>) -> Self {
        let (before, rest) = text.split_once('[').unwrap_or((text, ""));
        let (between, after) = rest.split_once(']').unwrap_or((rest, ""));
        let label = label.unwrap_or(between);
        Self { before: before.to_owned(), label: label.to_owned(), after: after.to_owned() }
    }
}

#[cfg(test)]
mod tests;
