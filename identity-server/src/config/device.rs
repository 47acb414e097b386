//! `[device]`: anonymous sessions of devices.

use std::time::Duration;

use identity_core::config::DeviceOptions;

use super::problem::{Problem, Problems};
use super::table::section;

section! {
    /// Anonymous sessions of devices, before anybody signs in. All times are in seconds.
    Devices = "device" {
        /// How long a device session lives without use.
        expires_in: u64 = DeviceOptions::default().expires_in.as_secs();
        /// How often its use is written down; a heartbeat always is.
        update_age: u64 = DeviceOptions::default().update_age.as_secs();
        /// How long it can live at most, however often it is used.
        max_age: u64 = DeviceOptions::default().max_age.as_secs();
        /// How many live sessions one device may have; a new one ends the oldest.
        per_device: u32 = DeviceOptions::default().per_device;
    }
}

impl Devices {
    pub(super) fn check(&self, problems: &mut Problems) {
        for (key, seconds) in [("device.expires_in", self.expires_in), ("device.max_age", self.max_age)] {
            if seconds == 0 {
                problems.push(Problem::of(key, "must be at least 1 second"));
            }
        }
        if self.per_device == 0 {
            problems.push(Problem::of("device.per_device", "must be at least 1"));
        }
        if self.update_age > self.expires_in {
            let keys = ["device.update_age", "device.expires_in"];
            problems.push(Problem::between(&keys, "device sessions would end before their use is written down"));
        }
    }

    /// What core needs to know.
    pub(super) fn options(&self) -> DeviceOptions {
        DeviceOptions {
            expires_in: Duration::from_secs(self.expires_in),
            update_age: Duration::from_secs(self.update_age),
            max_age: Duration::from_secs(self.max_age),
            per_device: self.per_device,
        }
    }
}
