//! Services: what a manifest says of them, and when one is started again.

use std::time::{Duration, Instant};

use wattle_spec::service::{Cause, RestartPolicy, Restarts};

use crate::manifest::check_lines;

#[test]
fn keys() {
    assert_eq!(
        check_lines(
            "[services.cache]\nsource = 'cache.wasm'\nrestart = { backoff = '100ms', max-backoff = '10s', budget = 3, within = '1h', on = 'always' }\nallow = { listen = ['127.0.0.1:7000', '[::]:7000'] }"
        ),
        "ok"
    );
    insta::assert_snapshot!(check_lines("components.cart.restart = {}\n[services.cache]\nsource = 'cache.wasm'\ninstances = {}\nrestart = { budget = 0, on = 'error', back-off = '1s' }\nallow.listen = ['7000']"), @r#"
    3:17 unknown key `restart` in `components.cart`
      hint: the keys here are `allow`, `build`, `config`, `env`, `instances`, `limits`, `links`, `mounts`, `pull`, `secrets` and `source`
    6:1 unknown key `instances` in `services.cache`
      hint: the keys here are `allow`, `build`, `config`, `env`, `limits`, `links`, `mounts`, `pull`, `restart`, `secrets` and `source`
    7:22 `services.cache.restart.budget` must be a whole number from 1 to 4294967295
      hint: choose a number in that range
    7:30 "error" is none of `failure` and `always`
    7:39 unknown key `back-off` in `services.cache.restart`
      hint: did you mean `backoff`?
    8:17 "7000" is not an IP address and a port, as in 127.0.0.1:8080 or [::]:8080
      hint: write `127.0.0.1:7000` for this machine alone, or `0.0.0.0:7000` for all of its addresses
    "#);
    insta::assert_snapshot!(check_lines("[services.cart]\nsource = 'cart.wasm'\n[[triggers.cron]]\nschedule = '@daily'\ncomponent = 'cart'\n[[triggers.http]]\npath = '/'\ncomponent = 'log'\n[services.log]\nsource = 'log.wasm'"), @"
    3:11 `cart` is a component and a service
      2:12 the component is here
      hint: give each a name of its own
    10:13 `log` is a service, and nothing calls a service
      hint: remove the trigger, or make it a component
    ");
}

#[test]
fn backoff_and_budget() {
    let mut restarts = Restarts::new(RestartPolicy { budget: 5.try_into().unwrap(), ..RestartPolicy::default() });
    let start = Instant::now();
    let mut ended =
        |seconds| restarts.ended(start + Duration::from_secs(seconds), Cause::Itself, 0.0).map(|delay| delay.as_secs());
    assert_eq!([0, 1, 2, 3, 4].map(&mut ended), [1, 2, 4, 8, 16].map(Some));
    assert_eq!(ended(5), None);
    // What is long ago does not count.
    assert_eq!(ended(602), Some(4));

    let policy = RestartPolicy { budget: 100.try_into().unwrap(), ..RestartPolicy::default() };
    let mut restarts = Restarts::new(policy);
    let delays: Vec<_> = (0..100).map(|_| restarts.ended(start, Cause::Itself, 1.0).unwrap()).collect();
    assert_eq!(delays[0], Duration::from_millis(1_250));
    assert_eq!(delays[99], policy.backoff.longest.mul_f64(1.25));
}

/// However often calls end it, a service is started again; who calls in between is answered after the first wait.
#[test]
fn ends_that_calls_cause() {
    let mut restarts = Restarts::new(RestartPolicy { budget: 1.try_into().unwrap(), ..RestartPolicy::default() });
    let start = Instant::now();
    let mut ended = |cause| restarts.ended(start, cause, 0.0).map(|delay| delay.as_secs());
    let call = |has_answered| Cause::Call { ended: None, has_answered };
    assert_eq!([false; 8].map(|answered| ended(call(answered))), [1, 2, 4, 8, 16, 32, 60, 60].map(Some));
    assert_eq!([true, false, true].map(|answered| ended(call(answered))), [1, 2, 1].map(Some));
    // The budget is the service's own.
    assert_eq!([Cause::Itself; 2].map(ended), [Some(1), None]);
}

/// What calls leave behind cannot use the budget up, however late it ends the service; nor can a host without room.
#[test]
fn ends_that_come_later() {
    let policy = RestartPolicy::default();
    for quiet in [0, 30, 59, 60, 61, 120, 599] {
        let (mut restarts, mut now) = (Restarts::new(policy), Instant::now());
        for _ in 0..100 {
            let called = now;
            now += Duration::from_secs(quiet);
            let cause = Cause::Call { ended: Some(called), has_answered: true };
            assert!(restarts.ended(now, cause, 0.0).is_some(), "{quiet} s after each call");
        }
        // Nor does a service that fails by itself keep its budget because it was called long ago.
        let long_ago = Cause::Call { ended: Some(now), has_answered: true };
        let ends = (0..11).map(|second| restarts.ended(now + Duration::from_secs(60 + second), long_ago, 0.0));
        assert_eq!(ends.last(), Some(None), "{quiet} s after each call");
    }
    let (mut restarts, now) = (Restarts::new(policy), Instant::now());
    let mut ended = || restarts.ended(now, Cause::NoRoom, 0.0).map(|delay| delay.as_secs());
    assert_eq!([(); 8].map(|()| ended()), [1, 2, 4, 8, 16, 32, 60, 60].map(Some));
    assert_eq!(restarts.count(), 0);
}
