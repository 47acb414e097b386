//! Telling clients that a session has ended (OpenID Connect Back-Channel Logout 1.0).

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::client::{self, Client};
use super::subject;
use crate::entropy::alphanumeric;
use crate::error::Result;
use crate::keys;
use crate::logout::{Fate, Leased, store};
use crate::op::Op;
use crate::outbound::Failed;
use crate::shared::Shared;
use crate::text::object;
use crate::time::after;

/// How long a delivery belongs to the worker that took it. Longer than one can take, so that a client is not told twice at once.
const LEASE: Duration = Duration::from_mins(1);
/// How often the worker looks without being woken: for rows of other processes, and for tries that are due.
const POLL: Duration = Duration::from_secs(5);
/// How many clients are told at once.
const MOST_AT_ONCE: usize = 16;
/// How many of them may have something that they did not confirm at once. The others are not kept waiting for them: anybody can register
/// clients that never answer.
const MOST_FAILING: usize = 4;
/// How long a logout token is good (section 2.4 recommends two minutes at most).
const LIFETIME: Duration = Duration::from_mins(2);
/// The `typ` of logout tokens (section 2.4).
const TYPE: &str = "logout+jwt";
/// The event that makes a token a logout token.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Tells clients until it is stopped. Each client has its turn, whatever the others do: one that does not answer delays itself alone.
pub(crate) async fn run(shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let mut told = JoinSet::new();
    let places = Arc::new(Semaphore::new(MOST_FAILING));
    while !*stopped.borrow() {
        while told.len() < MOST_AT_ONCE {
            match lease(&shared, &places).await {
                Ok(Some((row, place))) => {
                    let shared = Arc::clone(&shared);
                    told.spawn(async move {
                        handle(&shared, &row).await;
                        drop(place);
                    });
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!(error = error.chain(), "the logouts cannot be read; trying again");
                    break;
                }
            }
        }
        tokio::select! {
            Some(done) = told.join_next() => {
                if let Err(error) = done {
                    tracing::error!(%error, "telling a client of a logout ended badly");
                }
            }
            () = shared.session_ended.notified() => {}
            () = tokio::time::sleep(POLL) => {}
            _ = stopped.changed() => break,
        }
    }
    while told.join_next().await.is_some() {}
}

/// Leases what is next, and for a client that fails at this time one of the places that there are for such.
async fn lease(shared: &Shared, places: &Arc<Semaphore>) -> Result<Option<(Leased, Option<OwnedSemaphorePermit>)>> {
    if !store::any_due(&Op::read(shared)).await? {
        return Ok(None);
    }
    let mut op = Op::write(shared).await?;
    let mut leased = store::lease(&mut op, LEASE, false).await?.map(|row| (row, None));
    if leased.is_none()
        && let Ok(place) = Arc::clone(places).try_acquire_owned()
    {
        leased = store::lease(&mut op, LEASE, true).await?.map(|row| (row, Some(place)));
    }
    op.commit().await?;
    Ok(leased)
}

async fn handle(shared: &Shared, row: &Leased) {
    let handled = async {
        let told = tell(shared, row).await?;
        let mut op = Op::write(shared).await?;
        match told {
            Some(answer) => {
                let status = answer.as_ref().ok().copied();
                let fate = Fate::of(row.attempts, status, op.now());
                let because =
                    answer.map_or_else(|failed| failed.to_string(), |status| format!("the answer was {status}"));
                let reason = Some(because).filter(|_| fate != Fate::Delivered);
                log(row, fate, reason.as_deref());
                store::settle(&mut op, row, fate, status, reason).await?;
            }
            None => store::drop(&mut op, row).await?,
        }
        op.commit().await
    };
    if let Err(error) = handled.await {
        // The lease runs out, and the client is told again.
        tracing::warn!(id = %row.id, error = error.chain(), "what came of a logout could not be written down");
    }
}

fn log(row: &Leased, fate: Fate, reason: Option<&str>) {
    let (id, client, attempts) = (&row.id, &row.client_id, row.attempts);
    let reason = reason.unwrap_or_default();
    match fate {
        Fate::Delivered => tracing::debug!(%id, %client, attempts, "a client was told of a logout"),
        Fate::Retry(_) => tracing::warn!(%id, %client, attempts, reason, "a client could not be told of a logout yet"),
        Fate::Dead => tracing::error!(%id, %client, attempts, reason, "a client is no longer told of a logout"),
    }
}

/// Posts a logout token, and answers the status. `None` when the client is gone, or does not want to be told any more.
async fn tell(shared: &Shared, row: &Leased) -> Result<Option<std::result::Result<u16, Failed>>> {
    let client = client::store::find(&Op::read(shared), &row.client_id).await?;
    let Some((client, uri)) = client.and_then(|client| {
        let uri = client.metadata.backchannel_logout_uri.clone()?;
        Some((client, uri))
    }) else {
        return Ok(None);
    };
    let signer = keys::signer(shared, client.id_token_alg()).await?;
    let token = signer.sign(TYPE, &claims(shared, &client, row))?;
    Ok(Some(shared.outbound.post_form(&uri, &[("logout_token", &token)]).await))
}

/// The claims of a logout token (section 2.4): subject and session as the client knows them from its ID tokens, and never a nonce. Each
/// try is a token of its own: a client that has seen the one before may not take it twice.
fn claims(shared: &Shared, client: &Client, row: &Leased) -> Map<String, Value> {
    let now = shared.clock.now();
    let claims = json!({
        "iss": shared.config.http.base_url,
        "sub": subject::subject(shared, client, &row.user_id),
        "aud": client.id,
        "iat": now.timestamp(),
        "exp": after(now, LIFETIME).timestamp(),
        "jti": alphanumeric(shared.entropy.as_ref(), 32),
        "events": { EVENT: {} },
        "sid": subject::sid(shared, &client.id, &row.session_id),
    });
    object(claims)
}
