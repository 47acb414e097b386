//! Devices with an anonymous session, alone or beside signed-in users.

use std::ops::Deref;

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use identity_core::principal::{Device, Principal};
use identity_core::{Code, Error, Result};
use serde::Serialize;

use crate::auth::Authn;
use crate::problem::{Api, Failure};

/// A device with an anonymous session, by the header `X-Device-Session-Token`; refuses everybody else with 401.
///
/// A cookie or bearer beside the header counts for nothing. An unreachable trust anchor is 503.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequireDevice(pub Device);

impl Deref for RequireDevice {
    type Target = Device;

    fn deref(&self) -> &Device {
        &self.0
    }
}

impl<S> FromRequestParts<S> for RequireDevice
where
    S: Send + Sync,
    Authn: FromRef<S>,
{
    type Rejection = Failure<Api>;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(Authn::from_ref(state).device(parts).await?))
    }
}

/// Somebody signed in, or else a device with an anonymous session; refuses everybody else with 401.
///
/// A bearer outranks the cookie, and both outrank the device. A bad bearer is 401 whatever stands beside it; a stale cookie counts
/// as absent, and a client that [`RequireUser`](crate::RequireUser) does not let pass is 403. When nobody can say whether a credential is good, the answer is 503, also if a lesser one stands beside it: a user
/// must not turn into somebody anonymous for as long as an outage lasts.
#[derive(Clone, Debug, PartialEq)]
pub enum DeviceOrUser {
    /// A signed-in user.
    User(Principal),
    /// A device that nobody is signed in on.
    Device(Device),
}

/// Which of the two a [`DeviceOrUser`] is: `user` or `device` on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthType {
    /// A signed-in user.
    User,
    /// A device that nobody is signed in on.
    Device,
}

impl DeviceOrUser {
    /// Which of the two it is.
    #[must_use]
    pub const fn auth_type(&self) -> AuthType {
        match self {
            Self::User(_) => AuthType::User,
            Self::Device(_) => AuthType::Device,
        }
    }
}

impl Authn {
    /// The user who is calling, or else the device. Without either it is [`Code::Unauthorized`].
    pub async fn device_or_user(&self, parts: &mut Parts) -> Result<DeviceOrUser> {
        if let Some(principal) = self.user(parts).await? {
            return Ok(DeviceOrUser::User(principal));
        }
        match self.device(parts).await {
            Ok(device) => Ok(DeviceOrUser::Device(device)),
            Err(error) if error.code() == Code::DeviceTokenMissing => Err(Error::new(Code::Unauthorized)),
            Err(error) => Err(error),
        }
    }
}

impl<S> FromRequestParts<S> for DeviceOrUser
where
    S: Send + Sync,
    Authn: FromRef<S>,
{
    type Rejection = Failure<Api>;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let authn = Authn::from_ref(state);
        authn.device_or_user(parts).await.map_err(|error| authn.refuse(error))
    }
}
