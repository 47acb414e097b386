//! Making keys, and moving them on. What two nodes begin at once one of them finishes; the other throws its key away.

use std::sync::Arc;
use std::time::Duration;

use super::model::{KeysOfAlgorithm, SETTLING, SigningKey, State, published_until};
use super::{ring, store};
use crate::audit;
use crate::crypto::Signer;
use crate::crypto::keyring::Ring;
use crate::error::{Error, Result};
use crate::event::{Act, Event};
use crate::id::SigningKeyId;
use crate::jwt::Algorithm;
use crate::op::Op;
use crate::shared::Shared;
use crate::time::after;

/// A key that is in no row yet.
struct Made {
    id: SigningKeyId,
    algorithm: Algorithm,
    signer: Signer,
}

impl Made {
    /// Makes a key, outside of any transaction and on a thread that may block.
    async fn new(shared: &Shared, algorithm: Algorithm) -> Result<Self> {
        let id = SigningKeyId::mint(shared.clock.now(), &*shared.entropy);
        let name = id.as_str().to_owned();
        let making = tokio::task::spawn_blocking(move || Signer::generate(name, algorithm));
        Ok(Self { id, algorithm, signer: making.await.map_err(Error::internal)?? })
    }

    /// Puts it into a row, unless the algorithm already has a key in that state. Says whether it did.
    async fn insert(self, op: &mut Op<'_>, state: State) -> Result<bool> {
        let sealed = op.shared().at_rest.seal(store::place(&self.id), &self.signer.to_pkcs8()?)?;
        let (jwk, created_at) = (self.signer.jwk()?, op.now());
        let key = SigningKey { id: self.id, algorithm: self.algorithm, state, jwk, created_at };
        store::insert(op, &key, sealed).await
    }
}

/// Makes the first key of each of these algorithms that has none; nobody has to wait for it, since nobody knows another. Callers wait
/// for each other, so that a process makes one.
pub(super) async fn complete(shared: &Shared, algorithms: &[Algorithm]) -> Result<Arc<Ring>> {
    // On the heap: every request that signs or publishes carries the room for this.
    Box::pin(complete_in_turn(shared, algorithms)).await
}

async fn complete_in_turn(shared: &Shared, algorithms: &[Algorithm]) -> Result<Arc<Ring>> {
    let _turn = shared.keyring.turn().await;
    let keys = known(shared).await?;
    for &algorithm in algorithms {
        if KeysOfAlgorithm::of(&keys, algorithm).active.is_none() {
            let made = Made::new(shared, algorithm).await?;
            let mut op = Op::write(shared).await?;
            let since = op.now();
            made.insert(&mut op, State::Active { since }).await?;
            op.commit().await?;
        }
    }
    ring::reload(shared).await
}

/// Lets those of the staged keys sign that are due.
pub(super) async fn promote(shared: &Shared, keys: &[SigningKey], due: &[SigningKey]) -> Result<()> {
    for key in due {
        let mut op = Op::write(shared).await?;
        let until = published_until(&shared.config.oauth, op.now());
        let retired = match KeysOfAlgorithm::of(keys, key.algorithm).active {
            Some(active) => store::retire(&mut op, &active.id, until).await?,
            None => true,
        };
        if retired && store::activate(&mut op, &key.id).await? {
            let event = Event::KeyRotated { algorithm: key.algorithm, key_id: key.id.clone() };
            audit::record(&mut op, Act::of_host(event)).await?;
            op.commit().await?;
        }
    }
    Ok(())
}

/// Publishes a next key in place of one that was to be. Says whether nobody else was faster.
async fn stage(shared: &Shared, algorithm: Algorithm, wait: Duration, instead: Option<&SigningKey>) -> Result<bool> {
    let made = Made::new(shared, algorithm).await?;
    let mut op = Op::write(shared).await?;
    let from = after(op.now(), wait);
    let event = Event::KeyStaged { algorithm, key_id: made.id.clone(), signs_from: from };
    let free = match instead {
        Some(other) => store::discard(&mut op, &other.id).await?,
        None => true,
    };
    if !free || !made.insert(&mut op, State::Staged { from }).await? {
        return Ok(false);
    }
    audit::record(&mut op, Act::of_host(event)).await?;
    op.commit().await?;
    Ok(true)
}

/// Gives every algorithm a next key. Answers the keys that sign from then on.
pub(super) async fn rotate(shared: &Shared, at_once: bool) -> Result<Vec<SigningKey>> {
    let options = &shared.config.oauth;
    let wait = if at_once { SETTLING } else { options.key_publication };
    let (keys, foreign) = (known(shared).await?, foreign(shared).await?);
    for &algorithm in &options.algorithms {
        let pair = KeysOfAlgorithm::of(&keys, algorithm);
        let soonest = after(shared.clock.now(), wait);
        match pair.staged {
            _ if pair.active.is_none() => drop(complete(shared, &[algorithm]).await?),
            Some(next) if next.state.time() <= soonest && !foreign.contains(&next.id) => {}
            later => drop(stage(shared, algorithm, wait, later).await?),
        }
    }
    let keys = read_again(shared).await?;
    let pairs = options.algorithms.iter().map(|&algorithm| KeysOfAlgorithm::of(&keys, algorithm));
    Ok(pairs.filter_map(|pair| pair.staged.or(pair.active).cloned()).collect())
}

/// Does what is due: lets the next keys sign, publishes those after them, removes those whose last token has expired. Where there is
/// no key at all nobody has asked for a token yet, and none is made.
pub(crate) async fn tend(shared: &Shared) -> Result<()> {
    let options = &shared.config.oauth;
    let keys = known(shared).await?;
    if keys.is_empty() {
        return Ok(());
    }
    let now = shared.clock.now();
    let offered = |key: &SigningKey| options.algorithms.contains(&key.algorithm);
    if keys.iter().any(|key| key.is_over(now) || !offered(key)) {
        clear(shared, keys.iter().filter(|key| !offered(key))).await?;
    }
    if options.algorithms.iter().any(|&algorithm| KeysOfAlgorithm::of(&keys, algorithm).active.is_none()) {
        complete(shared, &options.algorithms).await?;
    }
    let foreign = foreign(shared).await?;
    for &algorithm in &options.algorithms {
        let pair = KeysOfAlgorithm::of(&keys, algorithm);
        // One that was made under another secret, by somebody who was mistaken in theirs: the one that signs is ours.
        let mistaken = pair.staged.filter(|next| next.is_due(now) && foreign.contains(&next.id));
        let mistaken = mistaken.filter(|_| pair.active.is_some_and(|active| !foreign.contains(&active.id)));
        if mistaken.is_some() || pair.wants_next(options, now) {
            stage(shared, algorithm, options.key_publication, mistaken).await?;
        }
    }
    read_again(shared).await.map(|_| ())
}

/// Removes what has expired, and ends the time of keys that sign with what is not offered any more.
async fn clear(shared: &Shared, dropped: impl Iterator<Item = &SigningKey>) -> Result<()> {
    let mut op = Op::write(shared).await?;
    let until = published_until(&shared.config.oauth, op.now());
    store::purge(&mut op).await?;
    for key in dropped {
        match key.state {
            State::Staged { .. } => store::discard(&mut op, &key.id).await?,
            State::Active { .. } => store::retire(&mut op, &key.id, until).await?,
            State::Retiring { .. } => false,
        };
    }
    op.commit().await
}

async fn known(shared: &Shared) -> Result<Vec<SigningKey>> {
    Ok(ring::keys(shared).await?.into_iter().map(|stored| stored.key).collect())
}

/// Which of the staged and active keys were made under another secret than ours.
async fn foreign(shared: &Shared) -> Result<Vec<SigningKeyId>> {
    let sealed = ring::keys(shared).await?.into_iter().filter(|stored| stored.sealed.is_some());
    Ok(sealed.filter(|stored| !ring::is_ours(shared, stored)).map(|stored| stored.key.id).collect())
}

/// The keys after a change, which this process is to see at once.
async fn read_again(shared: &Shared) -> Result<Vec<SigningKey>> {
    let turn = shared.keyring.turn().await;
    ring::reload(shared).await?;
    drop(turn);
    known(shared).await
}
