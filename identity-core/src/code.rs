//! Every way a request can fail, as words a client may match.

/// What kind of failure a code is; each dialect derives its status from it unless its table says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The request is wrong and will stay wrong (400).
    Invalid,
    /// Nobody, or the wrong credential (401).
    Unauthenticated,
    /// Somebody, but not allowed (403).
    Forbidden,
    /// No such thing (404).
    NotFound,
    /// The thing exists, but not for this method (405).
    Method,
    /// It contradicts what is stored (409).
    Conflict,
    /// The body is larger than accepted (413).
    TooLarge,
    /// The body is of a type that is not accepted (415).
    Unsupported,
    /// The request reached a server that does not answer for this host (421).
    Misdirected,
    /// Too often (429).
    TooMany,
    /// Our fault (500).
    Internal,
    /// Not now; the same request may succeed later (503).
    Unavailable,
}

impl Class {
    /// The HTTP status of the class (RFC 9110, section 15).
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Method => 405,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::Unsupported => 415,
            Self::Misdirected => 421,
            Self::TooMany => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $id:literal, $class:ident, $title:literal;)+) => {
        /// One way to fail. The id is stable; a facade decides what its own clients see.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $title] $(#[$doc])* $name,)+
        }

        impl Code {
            /// All codes, in the order of the reference.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable identifier, in `snake_case`.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)+ }
            }

            /// The kind of failure.
            #[must_use]
            pub const fn class(self) -> Class {
                match self { $(Self::$name => Class::$class,)+ }
            }

            /// One sentence that is safe to show to the person who caused it.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }
        }
    };
}

codes! {
    // Requests
    InvalidInput = "invalid_input", Invalid, "The request is not valid.";
    InvalidJson = "invalid_json", Invalid, "The body is not valid JSON.";
    BodyMustBeObject = "body_must_be_object", Invalid, "The body must be a JSON object.";
    UnsupportedMediaType = "unsupported_media_type", Unsupported, "This content type is not accepted here.";
    PayloadTooLarge = "payload_too_large", TooLarge, "The body is too large.";
    NotFound = "not_found", NotFound, "There is nothing here.";
    MethodNotAllowed = "method_not_allowed", Method, "This method is not offered here.";
    DeferredRefreshOff = "deferred_refresh_off", Method, "POST is accepted only when session refresh is deferred.";
    HostNotAllowed = "host_not_allowed", Misdirected, "This server does not answer for that host.";
    RateLimited = "rate_limited", TooMany, "Too many requests. Please try again later.";
    ConnectionInfoMissing = "connection_info_missing", Internal, "The server was mounted without connection information.";
    // Origin and redirects
    InvalidOrigin = "invalid_origin", Forbidden, "The origin is not trusted.";
    MissingOrigin = "missing_origin", Forbidden, "The request has cookies but no origin.";
    CrossSiteNavigation = "cross_site_navigation", Forbidden, "Signing in by navigating from another site is blocked.";
    InvalidCallbackUrl = "invalid_callback_url", Forbidden, "The callback URL is not trusted.";
    InvalidRedirectUrl = "invalid_redirect_url", Forbidden, "The redirect URL is not trusted.";
    InvalidErrorCallbackUrl = "invalid_error_callback_url", Forbidden, "The error callback URL is not trusted.";
    InvalidNewUserCallbackUrl = "invalid_new_user_callback_url", Forbidden, "The new-user callback URL is not trusted.";
    // Callers
    Unauthorized = "unauthorized", Unauthenticated, "Sign in first.";
    InvalidBearer = "invalid_bearer", Unauthenticated, "The bearer credential is not valid.";
    InsufficientScope = "insufficient_scope", Forbidden, "The token is good, but not for this.";
    InsufficientAuthentication = "insufficient_user_authentication", Unauthenticated, "Sign in again, or in a stronger way, to do this.";
    PermissionDenied = "permission_denied", Forbidden, "You are not allowed to do this.";
    AnchorUnavailable = "anchor_unavailable", Unavailable, "The identity service cannot be reached right now.";
    ServiceCredentialRequired = "service_credential_required", Forbidden, "This call needs the credential of the service it names.";
    // Sign-up and sign-in
    InvalidCredentials = "invalid_credentials", Unauthenticated, "The e-mail address or the password is wrong.";
    InvalidEmail = "invalid_email", Invalid, "The e-mail address is not valid.";
    EmailTaken = "email_taken", Conflict, "This e-mail address is already in use.";
    EmailNotVerified = "email_not_verified", Forbidden, "Confirm your e-mail address first.";
    UserBanned = "user_banned", Forbidden, "This account is banned.";
    PasswordTooShort = "password_too_short", Invalid, "The password is too short.";
    PasswordTooLong = "password_too_long", Invalid, "The password is too long.";
    SignUpFailed = "sign_up_failed", Conflict, "The account could not be created.";
    // Passwords
    InvalidPassword = "invalid_password", Invalid, "The password is wrong.";
    CredentialAccountNotFound = "credential_account_not_found", Invalid, "This account has no password.";
    PasswordAlreadySet = "password_already_set", Invalid, "This account already has a password.";
    ResetPasswordDisabled = "reset_password_disabled", Invalid, "Resetting a password is not offered here.";
    // Sessions
    SessionNotFresh = "session_not_fresh", Forbidden, "Sign in again to do this.";
    SessionExpired = "session_expired", Invalid, "Sign in again, or give the password, to do this.";
    SessionNotFound = "session_not_found", NotFound, "There is no such session.";
    // Devices
    DeviceTokenMissing = "device_token_missing", Unauthenticated, "This call needs a device session.";
    InvalidDeviceToken = "invalid_device_token", Unauthenticated, "The device session is unknown or over.";
    DeviceSessionNotFound = "device_session_not_found", NotFound, "There is no such device session.";
    AlreadyMigrated = "already_migrated", Invalid, "The device session is already migrated.";
    NotMigratable = "not_migratable", Invalid, "The device session cannot be migrated.";
    // Users
    UserNotFound = "user_not_found", NotFound, "There is no such user.";
    NoFieldsToUpdate = "no_fields_to_update", Invalid, "There is nothing to change.";
    FieldNotAllowed = "field_not_allowed", Invalid, "This field cannot be set.";
    MissingField = "missing_field", Invalid, "A required field is missing.";
    EmailNotUpdatable = "email_not_updatable", Invalid, "The e-mail address is changed by its own flow.";
    DeleteDisabled = "delete_disabled", NotFound, "Deleting an account is not offered here.";
    LastAdministrator = "last_administrator", Conflict, "This is the last superadmin.";
    InvalidRole = "invalid_role", Invalid, "This is not a valid role.";
    // Accounts
    AccountNotFound = "account_not_found", Invalid, "There is no such account.";
    LastAccount = "last_account", Invalid, "The last way to sign in cannot be removed.";
    // E-mail
    VerificationDisabled = "verification_disabled", Invalid, "Verification mails are not offered here.";
    EmailAlreadyVerified = "email_already_verified", Invalid, "The e-mail address is already verified.";
    EmailMismatch = "email_mismatch", Invalid, "This is not the address you are signed in with.";
    ChangeEmailDisabled = "change_email_disabled", Invalid, "Changing the address is not offered here.";
    EmailUnchanged = "email_unchanged", Invalid, "This already is your e-mail address.";
    InvalidToken = "invalid_token", Invalid, "The token is not valid.";
    InvalidVerificationToken = "invalid_verification_token", Unauthenticated, "The verification link is not valid.";
    InvalidDeletionToken = "invalid_deletion_token", NotFound, "The deletion link is not valid.";
    TokenExpired = "token_expired", Unauthenticated, "The token has expired.";
    InvalidUser = "invalid_user", Unauthenticated, "The token belongs to another user.";
    InvalidCode = "invalid_code", Invalid, "The code is wrong.";
    CodeExpired = "code_expired", Invalid, "The code has expired.";
    TooManyAttempts = "too_many_attempts", Forbidden, "Too many wrong codes. Ask for a new one.";
    // Clients
    ClientNotFound = "client_not_found", NotFound, "There is no such client.";
    ClientIdTaken = "client_id_taken", Conflict, "There already is a client with this id.";
    InvalidClientMetadata = "invalid_client_metadata", Invalid, "The description of the client is not valid.";
    // Provisioning
    UnknownTarget = "unknown_target", NotFound, "There is no such application.";
    ProvisioningFailed = "provisioning_failed", Unavailable, "The service could not prepare your account. Try again.";
    // Ours
    Overloaded = "overloaded", Unavailable, "The server is busy. Try again.";
    StoreUnavailable = "store_unavailable", Unavailable, "The database cannot be reached right now.";
    Internal = "internal", Internal, "Something went wrong on our side.";
}
