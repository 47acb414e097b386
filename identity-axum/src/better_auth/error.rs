//! Failures as the Better Auth client knows them: `{"message","code"}`.
#![deny(clippy::wildcard_enum_match_arm)]

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use identity_core::{Class, Code, Error};
use serde_json::json;

use crate::problem::Dialect;

/// The dialect of everything under `/api/auth`.
#[derive(Clone, Copy, Debug)]
pub enum BetterAuth {}

impl Dialect for BetterAuth {
    fn render(error: &Error, _request_id: Option<&str>) -> Response {
        let (status, code, text) = wire(error.code());
        // What went wrong on our side is for the log only.
        let sentence = error.detail().filter(|_| error.code().class() != Class::Internal).unwrap_or(text);
        let message = match error.field() {
            Some(field) => format!("[body.{field}] {sentence}"),
            None => sentence.to_owned(),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // The one refusal of the API that the reference writes as its authorization server does.
        let body = if error.code() == Code::InvalidAuthorizationQuery {
            json!({ "error": code })
        } else {
            json!({ "message": message, "code": code })
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = error.wait_seconds() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            headers.insert(HeaderName::from_static("x-retry-after"), HeaderValue::from(seconds));
        }
        response
    }
}

/// Status, code and text per failure. The texts are the reference's where it has them.
const fn wire(code: Code) -> (u16, &'static str, &'static str) {
    match code {
        Code::InvalidInput => (400, "VALIDATION_ERROR", "Invalid input"),
        Code::InvalidJson => (400, "BAD_REQUEST", "Invalid JSON in request body"),
        Code::BodyMustBeObject => (400, "BODY_MUST_BE_AN_OBJECT", "Body must be an object"),
        Code::UnsupportedMediaType => (415, "UNSUPPORTED_MEDIA_TYPE", "Content-Type is not allowed"),
        Code::PayloadTooLarge => (413, "PAYLOAD_TOO_LARGE", "Body is too large"),
        Code::NotFound => (404, "NOT_FOUND", "Not found"),
        Code::MethodNotAllowed => (405, "METHOD_NOT_ALLOWED", "Method not allowed"),
        Code::DeferredRefreshOff => (
            405,
            "METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED",
            "POST method requires deferSessionRefresh to be enabled in session config",
        ),
        Code::HostNotAllowed => (421, "HOST_NOT_ALLOWED", "Host not allowed"),
        Code::RateLimited => (429, "TOO_MANY_REQUESTS", "Too many requests. Please try again later."),
        Code::InvalidOrigin => (403, "INVALID_ORIGIN", "Invalid origin"),
        Code::MissingOrigin => (403, "MISSING_OR_NULL_ORIGIN", "Missing or null Origin"),
        Code::CrossSiteNavigation => (
            403,
            "CROSS_SITE_NAVIGATION_LOGIN_BLOCKED",
            "Cross-site navigation login blocked. This request appears to be a CSRF attack.",
        ),
        Code::InvalidAuthorizationQuery => (400, "invalid_signature", "Invalid signature"),
        Code::FormNotOurs => (403, "FORM_NOT_OURS", "Form not ours"),
        Code::InvalidCallbackUrl => (403, "INVALID_CALLBACK_URL", "Invalid callbackURL"),
        Code::InvalidRedirectUrl => (403, "INVALID_REDIRECT_URL", "Invalid redirectURL"),
        Code::InvalidErrorCallbackUrl => (403, "INVALID_ERROR_CALLBACK_URL", "Invalid errorCallbackURL"),
        Code::InvalidNewUserCallbackUrl => (403, "INVALID_NEW_USER_CALLBACK_URL", "Invalid newUserCallbackURL"),
        Code::Unauthorized | Code::InvalidBearer => (401, "UNAUTHORIZED", "Unauthorized"),
        Code::PermissionDenied => (403, "FORBIDDEN", "Forbidden"),
        Code::ServiceCredentialRequired => {
            (403, "SERVICE_CREDENTIAL_REQUIRED", "This call needs the credential of the service it names")
        }
        Code::InvalidCredentials => (401, "INVALID_EMAIL_OR_PASSWORD", "Invalid email or password"),
        Code::InvalidEmail => (400, "INVALID_EMAIL", "Invalid email"),
        Code::EmailTaken => (422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL", "User already exists. Use another email."),
        Code::EmailNotVerified => (403, "EMAIL_NOT_VERIFIED", "Email not verified"),
        Code::UserBanned => (
            403,
            "BANNED_USER",
            "You have been banned from this application. Please contact support if you believe this is an error.",
        ),
        Code::PasswordTooShort => (400, "PASSWORD_TOO_SHORT", "Password too short"),
        Code::PasswordTooLong => (400, "PASSWORD_TOO_LONG", "Password too long"),
        Code::SignUpFailed => (422, "FAILED_TO_CREATE_USER", "Failed to create user"),
        Code::InvalidPassword => (400, "INVALID_PASSWORD", "Invalid password"),
        Code::CredentialAccountNotFound => (400, "CREDENTIAL_ACCOUNT_NOT_FOUND", "Credential account not found"),
        Code::PasswordAlreadySet => (400, "PASSWORD_ALREADY_SET", "User already has a password set"),
        Code::ResetPasswordDisabled => (400, "RESET_PASSWORD_DISABLED", "Reset password isn't enabled"),
        Code::SessionNotFresh => (403, "SESSION_NOT_FRESH", "Session is not fresh"),
        Code::SessionExpired => (400, "SESSION_EXPIRED", "Session expired. Re-authenticate to perform this action."),
        Code::SessionNotFound => (404, "SESSION_NOT_FOUND", "Session not found"),
        Code::DeviceTokenMissing => (401, "DEVICE_TOKEN_MISSING", "Device session required"),
        Code::InvalidDeviceToken => (401, "INVALID_DEVICE_TOKEN", "Invalid device session"),
        Code::DeviceSessionNotFound => (404, "DEVICE_SESSION_NOT_FOUND", "Device session not found"),
        Code::AlreadyMigrated => (400, "ALREADY_MIGRATED", "Device session already migrated"),
        Code::NotMigratable => (400, "NOT_MIGRATABLE", "Device session cannot be migrated"),
        Code::UserNotFound => (400, "USER_NOT_FOUND", "User not found"),
        Code::NoFieldsToUpdate => (400, "NO_FIELDS_TO_UPDATE", "No fields to update"),
        Code::FieldNotAllowed => (400, "FIELD_NOT_ALLOWED", "Field is not allowed to be set"),
        Code::MissingField => (400, "MISSING_FIELD", "Field is required"),
        Code::EmailNotUpdatable => (400, "EMAIL_CAN_NOT_BE_UPDATED", "Email can not be updated"),
        Code::DeleteDisabled => (404, "DELETE_USER_DISABLED", "Delete user is disabled"),
        Code::LastAdministrator => (409, "LAST_ADMINISTRATOR", "The last superadmin cannot be removed"),
        Code::InvalidRole => (400, "INVALID_ROLE", "Invalid role"),
        Code::AccountNotFound => (400, "ACCOUNT_NOT_FOUND", "Account not found"),
        Code::LastAccount => (400, "FAILED_TO_UNLINK_LAST_ACCOUNT", "You can't unlink your last account"),
        Code::VerificationDisabled => (400, "VERIFICATION_EMAIL_NOT_ENABLED", "Verification email isn't enabled"),
        Code::EmailAlreadyVerified => (400, "EMAIL_ALREADY_VERIFIED", "Email is already verified"),
        Code::EmailMismatch => (400, "EMAIL_MISMATCH", "Email mismatch"),
        Code::ChangeEmailDisabled => (400, "CHANGE_EMAIL_DISABLED", "Change email is disabled"),
        Code::EmailUnchanged => (400, "EMAIL_IS_THE_SAME", "Email is the same"),
        Code::InvalidToken => (400, "INVALID_TOKEN", "Invalid token"),
        Code::InvalidVerificationToken => (401, "INVALID_TOKEN", "Invalid token"),
        Code::InvalidDeletionToken => (404, "INVALID_TOKEN", "Invalid token"),
        Code::TokenExpired => (401, "TOKEN_EXPIRED", "Token expired"),
        Code::InvalidUser => (401, "INVALID_USER", "Invalid user"),
        Code::InvalidCode => (400, "INVALID_OTP", "Invalid OTP"),
        Code::CodeExpired => (400, "OTP_EXPIRED", "OTP expired"),
        Code::TooManyAttempts => (403, "TOO_MANY_ATTEMPTS", "Too many attempts"),
        Code::ClientNotFound => (404, "CLIENT_NOT_FOUND", "Client not found"),
        Code::ClientIdTaken => (409, "CLIENT_ID_TAKEN", "Client ID already exists"),
        Code::InvalidClientMetadata => (400, "INVALID_CLIENT_METADATA", "Invalid client metadata"),
        Code::UnknownTarget => (404, "UNKNOWN_APPLICATION", "Unknown application"),
        Code::ProvisioningFailed => (503, "PROVISIONING_FAILED", "Provisioning failed"),
        Code::AnchorUnavailable | Code::StoreUnavailable => {
            (503, "SERVICE_UNAVAILABLE", "Service unavailable. Please try again later.")
        }
        Code::Overloaded => (503, "SERVICE_BUSY", "Service busy. Please try again later."),
        Code::ConnectionInfoMissing | Code::Internal => (500, "INTERNAL_SERVER_ERROR", "Internal Server Error"),
    }
}

/// The code by which a redirect names a failure: `?error=CODE`.
pub(super) fn wire_code(code: Code) -> &'static str {
    wire(code).1
}
