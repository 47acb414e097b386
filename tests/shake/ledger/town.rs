//! Who is there to write something: one writer at a time has a person or a device in hand, so that what it is told comes in order.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::device::Device;
use super::person::Person;

/// How many are looked at before a writer does something else.
const TRIES: usize = 16;

/// Everybody of a load.
#[derive(Debug, Default)]
pub(super) struct Town {
    people: Place<Person>,
    devices: Place<Device>,
    names: AtomicUsize,
}

/// Those who are free, and those about whom too much is open to do anything with them.
#[derive(Debug)]
struct Place<T> {
    free: Mutex<Vec<T>>,
    settled: Mutex<Vec<T>>,
}

impl<T> Default for Place<T> {
    fn default() -> Self {
        Self { free: Mutex::default(), settled: Mutex::default() }
    }
}

impl<T> Place<T> {
    /// Takes one that is `wanted`, beginning anywhere.
    fn take(&self, mut draw: impl FnMut(usize) -> usize, wanted: impl Fn(&T) -> bool) -> Option<T> {
        let mut free = self.free.lock().expect("nobody panics with it");
        if free.is_empty() {
            return None;
        }
        let chosen = (0..TRIES).map(|_| draw(free.len())).find(|&index| wanted(&free[index]))?;
        Some(free.swap_remove(chosen))
    }

    fn put(&self, one: T, usable: bool) {
        let place = if usable { &self.free } else { &self.settled };
        place.lock().expect("nobody panics with it").push(one);
    }

    fn all(&self) -> Vec<T> {
        [&self.free, &self.settled].iter().flat_map(|place| std::mem::take(&mut *place.lock().unwrap())).collect()
    }
}

impl Town {
    /// A number that nobody has had.
    pub(super) fn number(&self) -> usize {
        self.names.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes a person out.
    pub(super) fn person(&self, draw: impl FnMut(usize) -> usize, wanted: impl Fn(&Person) -> bool) -> Option<Person> {
        self.people.take(draw, wanted)
    }

    /// Lets a person in.
    pub(super) fn welcome(&self, person: Person) {
        let usable = person.is_usable();
        self.people.put(person, usable);
    }

    /// Takes a device out.
    pub(super) fn device(&self, draw: impl FnMut(usize) -> usize) -> Option<Device> {
        self.devices.take(draw, Device::is_live)
    }

    /// Puts a device down.
    pub(super) fn keep(&self, device: Device) {
        let usable = device.is_live();
        self.devices.put(device, usable);
    }

    /// Everybody and everything, at the end.
    pub(super) fn all(&self) -> (Vec<Person>, Vec<Device>) {
        (self.people.all(), self.devices.all())
    }
}
