//! Filters in their modes: level, `EV_CLEAR`, `EV_ONESHOT`, `EV_DISPATCH`, and what becomes of them when they are changed.

use super::sockets::{drain, fill, polled, send, take, Socket};
use super::Group;
use crate::notation::*;
use crate::replay::Lines;

pub fn reading<S: Socket>() -> Lines {
    let mut group = Group::new(&format!("{}: ", S::NAME));
    let (mut near, mut far) = S::pair();
    let kq = Kq::new();
    kq.set(&near, READ, ADD);
    group.show("ADD READ on idle", kq.look());
    send(&mut far, &near, 5);
    group.show("level READ, 1st / 2nd report", kq.look_twice());
    take(&mut near, 2);
    group.show("level READ after partial read", kq.look());
    take(&mut near, 3);
    group.show("level READ after drain", kq.look());
    send(&mut far, &near, 5);
    take(&mut near, 5);
    group.show("level, ready then drained before wait", kq.look());

    kq.set(&near, READ, DELETE);
    kq.set(&near, READ, ADD | CLEAR);
    send(&mut far, &near, 5);
    group.show("CLEAR READ, 1st / 2nd report", kq.look_twice());
    take(&mut near, 2);
    group.show("CLEAR after partial read", kq.look());
    send(&mut far, &near, 2);
    group.show("CLEAR, more data while undrained", kq.look_twice());
    kq.set(&near, READ, ADD | CLEAR);
    group.show("CLEAR, EV_ADD again while undrained", kq.look());
    take(&mut near, 5);
    send(&mut far, &near, 5);
    take(&mut near, 5);
    group.show("CLEAR, ready then drained before wait", kq.look());
    send(&mut far, &near, 1);
    send(&mut far, &near, 1);
    group.show("CLEAR, two writes before wait", kq.look_twice());
    take(&mut near, 2);

    send(&mut far, &near, 1);
    kq.submit(&[
        change(&near, READ, ADD | CLEAR).with_udata(1),
        change(&near, WRITE, ADD | CLEAR).with_udata(2),
    ]);
    group.show("READ and WRITE of one fd, one wait", kq.look());
    group.show("same again (CLEAR)", kq.look());
    kq.submit(&[change(&near, READ, ADD | CLEAR).with_udata(99)]);
    group.show("EV_ADD again with other udata", kq.look());
    kq.submit(&[change(&near, READ, ADD).with_udata(5)]);
    group.show("EV_ADD w/o CLEAR on CLEAR knote, x2", kq.look_twice());
    let deleted = [READ, WRITE, READ].map(|filter| kq.submit(&[change(&near, filter, DELETE)]));
    group.show("EV_DELETE READ then WRITE, again", deleted.join(" / "));
    group.lines
}

pub fn modes<S: Socket>() -> Lines {
    let mut group = Group::new(&format!("{}: ", S::NAME));
    let (near, mut far) = S::pair();
    let kq = Kq::new();
    send(&mut far, &near, 5);
    kq.set(&near, READ, ADD | ONESHOT);
    group.show("ONESHOT, 1st / 2nd", kq.look_twice());
    send(&mut far, &near, 4);
    let more = kq.look();
    group.show(
        "ONESHOT, more data; then EV_DELETE",
        format!("{more} / {}", kq.submit(&[change(&near, READ, DELETE)])),
    );
    kq.set(&near, READ, ADD | ONESHOT);
    group.show("ONESHOT re-added while readable", kq.look());
    group.show("EV_ENABLE of a fired ONESHOT", kq.submit(&[change(&near, READ, ENABLE)]));

    kq.set(&near, READ, ADD | DISPATCH);
    group.show("DISPATCH, 1st / 2nd", kq.look_twice());
    send(&mut far, &near, 1);
    group.show("DISPATCH, more data while disabled", kq.look());
    for (flags, name) in [
        (ENABLE, "DISPATCH, EV_ENABLE, 1st / 2nd"),
        (ENABLE | DISPATCH, "DISPATCH, EV_ENABLE|EV_DISPATCH, 1/2"),
        (ADD | DISPATCH, "DISPATCH, re-armed by EV_ADD, 1/2"),
        (ADD | ENABLE | DISPATCH, "DISPATCH, re-armed by ADD|ENABLE|DISPATCH"),
        (ADD | ENABLE | DISPATCH, "... and once more"),
    ] {
        kq.set(&near, READ, flags);
        group.show(name, kq.look_twice());
    }
    kq.set(&near, READ, ENABLE);
    group.show("DISPATCH, EV_ENABLE alone, nothing new", kq.look());
    kq.set(&near, READ, ADD | ENABLE);
    group.show("DISPATCH knote, ADD|ENABLE w/o DISPATCH, 1/2", kq.look_twice());

    kq.set(&near, READ, DELETE);
    kq.set(&near, READ, ADD | CLEAR | DISPATCH);
    let first = kq.look();
    send(&mut far, &near, 1);
    group.show("CLEAR|DISPATCH, 1st, more data, 2nd", format!("{first} / {}", kq.look()));
    kq.set(&near, READ, DELETE);
    kq.set(&near, READ, ADD);
    kq.set(&near, READ, ADD | DISPATCH);
    group.show("level knote changed by ADD|DISPATCH, 1/2", kq.look_twice());
    kq.submit(&[change(&near, READ, DELETE), change(&near, READ, ADD | DISPATCH)]);
    group.show("... by DELETE, then ADD|DISPATCH, 1/2", kq.look_twice());
    [group.lines, more_modes::<S>()].concat()
}

fn more_modes<S: Socket>() -> Lines {
    let mut group = Group::new(&format!("{}: ", S::NAME));
    let (mut near, mut far) = S::pair();
    let kq = Kq::new();
    send(&mut far, &near, 1);
    kq.set(&near, READ, ADD);
    kq.set(&near, READ, ADD | ONESHOT);
    group.show("level knote changed by ADD|ONESHOT, 1/2", kq.look_twice());
    kq.set(&near, READ, DELETE);
    kq.submit(&[change(&near, READ, ADD).with_udata(31)]);
    kq.submit(&[change(&near, READ, DISABLE).with_udata(31)]);
    kq.set(&near, READ, ENABLE);
    group.show("DISABLE, ENABLE with udata=0: udata seen", kq.look_at_udata());

    kq.set(&near, READ, DELETE);
    take(&mut near, 1);
    kq.set(&near, READ, ADD | DISABLE);
    send(&mut far, &near, 1);
    group.show("ADD|DISABLE, data", kq.look());
    kq.set(&near, READ, ENABLE);
    group.show("then EV_ENABLE", kq.look());
    kq.set(&near, READ, DISABLE);
    group.show("then EV_DISABLE", kq.look());
    kq.set(&near, READ, ADD);
    group.show("then EV_ADD (implies enable?)", kq.look());

    kq.set(&near, READ, DELETE);
    take(&mut near, 1);
    kq.set(&near, READ, ADD | CLEAR);
    kq.set(&near, READ, DISABLE);
    send(&mut far, &near, 1);
    let disabled = kq.look();
    kq.set(&near, READ, ENABLE);
    group.show("CLEAR, DISABLE, data, ENABLE", format!("{disabled} / {}", kq.look()));
    group.lines
}

pub fn writing<S: Socket>() -> Lines {
    let mut group = Group::new(&format!("{}: ", S::NAME));
    let (mut near, mut far) = S::pair();
    let kq = Kq::new();
    kq.set(&near, WRITE, ADD | CLEAR);
    group.show("WRITE CLEAR on idle, 1st / 2nd", kq.look_twice());
    send(&mut near, &far, 10);
    group.show("WRITE CLEAR after a small write", kq.look());
    take(&mut far, 10);
    group.show("... peer reads it", kq.look());
    fill(&mut near);
    group.show("full", kq.look());
    take(&mut far, 1);
    group.show("peer read 1 byte", kq.look());
    // Level by level until nothing is left on the way.
    while polled(&near, libc::POLLOUT, 0) == 0 || drain(&mut far) != 0 {
        drain(&mut far);
    }
    group.show("peer drained, 1st / 2nd", kq.look_twice());
    let kq = Kq::new();
    kq.set(&near, WRITE, ADD);
    group.show("WRITE level, 1st / 2nd", kq.look_twice());
    group.lines
}
