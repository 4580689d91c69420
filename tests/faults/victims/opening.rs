//! Victims that are denied what they want to open, and then get it.

use ringmq::platform::Waker;
use ringmq::Reactor;

use super::Setting;

pub fn a_poller_is_denied(setting: &Setting<'_>) {
    setting.assert_told(setting.backend.open());
    drop(setting.open());
}

pub fn a_waker_is_denied(setting: &Setting<'_>) {
    setting.assert_told(Waker::new());
    Waker::new().expect("the second attempt is not tampered with");
}

pub fn a_reactor_is_denied(setting: &Setting<'_>) {
    setting.assert_told(Reactor::<()>::with_backend(setting.backend));
    Reactor::<()>::with_backend(setting.backend).expect("the second attempt is not tampered with");
}
