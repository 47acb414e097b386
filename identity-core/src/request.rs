//! What a facade knows about the request that caused an operation.

use std::net::IpAddr;

/// Where a request came from; stored with the session it opens and shown in the user's list of devices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestInfo {
    /// The address of the client, after trusted proxies have been walked.
    pub ip: Option<IpAddr>,
    /// The `User-Agent` header, cut to 512 bytes.
    pub user_agent: Option<String>,
    /// The id of the request, as it stands in the logs.
    pub request_id: Option<String>,
}
