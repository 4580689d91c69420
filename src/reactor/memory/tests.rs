//! What is lent, kept and given back.

use super::*;

#[test]
fn a_loan_is_charged_until_it_is_given_back() {
    let memory = Memory::new(2 * BUFFER_LEN);
    let (first, second) = (memory.lend().unwrap(), memory.lend().unwrap());
    assert_eq!(memory.lend().unwrap_err(), Full { wanted: BUFFER_LEN, free: 0 });
    drop(first);
    assert_eq!(memory.free(), BUFFER_LEN);
    drop(second);
    assert_eq!(memory.used(), 0);
}

#[test]
fn a_buffer_grows_within_the_budget_alone() {
    let memory = Memory::new(3 * BUFFER_LEN);
    let mut buf = memory.lend().unwrap();
    buf.spare()[..3].copy_from_slice(b"abc");
    buf.advance(3);
    buf.grow(3 * BUFFER_LEN, false).unwrap();
    assert_eq!((buf.capacity(), buf.filled(), memory.free()), (3 * BUFFER_LEN, &b"abc"[..], 0));
    assert!(buf.grow(3 * BUFFER_LEN + 1, false).is_err());
    drop(buf);
    assert_eq!(memory.used(), 0);
}

#[test]
fn a_buffer_grows_into_what_another_had_grown_to() {
    let memory = Memory::new(8 * BUFFER_LEN);
    let grown = |capacity, byte| {
        let mut buf = memory.lend().unwrap();
        buf.spare().fill(byte);
        buf.advance(BUFFER_LEN);
        buf.consume(1);
        buf.grow(capacity, false).unwrap();
        buf
    };
    let long = grown(4 * BUFFER_LEN, 1);
    let bytes = long.filled().as_ptr() as usize - 1;
    drop(long);
    assert_eq!(memory.used(), 0, "what is kept is charged to nobody");
    let mut next = grown(2 * BUFFER_LEN, 2);
    assert_eq!(next.filled().as_ptr() as usize, bytes, "it is the same memory");
    assert_eq!(
        (next.capacity(), memory.used()),
        (2 * BUFFER_LEN, 2 * BUFFER_LEN),
        "of it no more than was asked for"
    );
    assert_eq!(next.filled(), &[2; BUFFER_LEN - 1]);
    assert_eq!(next.spare().len(), BUFFER_LEN + 1);
    next.grow(3 * BUFFER_LEN, false).unwrap();
    assert_eq!((next.filled().as_ptr() as usize, memory.used()), (bytes, 3 * BUFFER_LEN));
    assert_ne!(grown(2 * BUFFER_LEN, 3).filled().as_ptr() as usize, bytes, "it is lent");
    next.give_back(&memory);
    let longer = grown(5 * BUFFER_LEN, 4);
    assert_eq!(
        (memory.used(), longer.filled()),
        (5 * BUFFER_LEN, &[4; BUFFER_LEN - 1][..]),
        "too short to be of use"
    );
}

#[test]
fn one_long_buffer_is_kept_and_none_that_is_too_long() {
    let memory = Memory::new(4 * LONG_MAX);
    let kept = || {
        let long = memory.pool.long.take();
        let len = long.as_ref().map_or(0, Vec::len);
        memory.pool.long.set(long);
        len
    };
    for (capacity, is_kept) in [(LONG_MAX + 1, 0), (2 * BUFFER_LEN, 2 * BUFFER_LEN), (LONG_MAX, LONG_MAX)] {
        let mut buf = memory.lend().unwrap();
        buf.grow(capacity, false).unwrap();
        drop(buf);
        assert_eq!((kept(), memory.used()), (is_kept, 0));
    }
    let mut bufs = [memory.lend().unwrap(), memory.lend().unwrap()];
    bufs.iter_mut().for_each(|buf| buf.grow(3 * BUFFER_LEN, false).unwrap());
    drop(bufs);
    assert_eq!(kept(), LONG_MAX, "the longest");
}

#[test]
fn a_lent_buffer_is_one_pointer_wide_and_comes_back_empty() {
    assert_eq!(std::mem::size_of::<Option<Buf>>(), std::mem::size_of::<usize>());
    let memory = Memory::new(BUFFER_LEN);
    let mut buf = memory.lend().unwrap();
    buf.advance(10);
    drop(buf);
    assert_eq!(memory.lend().unwrap().filled(), b"");
}

#[test]
fn what_is_kept_is_empty_charged_to_nobody_and_bounded() {
    let memory = Memory::new((4 * SPARE_BUFFERS * BUFFER_LEN).max(4 * SPARE_SEGMENTS * SEGMENT_LEN));
    let give_backs: [fn(Buf, &Memory); 2] = [Buf::give_back, |buf, _| drop(buf)];
    for give_back in give_backs {
        let mut lent: Vec<Buf> = (0..2 * SPARE_BUFFERS).map(|_| memory.lend().unwrap()).collect();
        lent.iter_mut().for_each(|buf| buf.advance(1));
        lent.into_iter().for_each(|buf| give_back(buf, &memory));
        assert_eq!((memory.used(), memory.pool.spare.borrow().len() + 1), (0, SPARE_BUFFERS));
        assert_eq!(memory.lend().unwrap().filled(), b"");
    }
    let segments: Vec<_> = (0..2 * SPARE_SEGMENTS).map(|_| memory.take_segment().unwrap()).collect();
    assert_eq!(memory.used(), 2 * SPARE_SEGMENTS * SEGMENT_LEN);
    segments.into_iter().for_each(|segment| memory.give_segment_back(segment));
    assert_eq!((memory.used(), memory.pool.spare_segments.borrow().len() + 1), (0, SPARE_SEGMENTS));
}

#[test]
fn buffers_for_few_bytes_are_used_again_and_bounded() {
    let memory = Memory::new(BUFFER_LEN);
    let lend = |len: usize| memory.lend_filled(&vec![len as u8; len]).unwrap();
    let give_backs: [fn(Buf, &Memory); 2] = [Buf::give_back, |buf, _| drop(buf)];
    for give_back in give_backs {
        let mut lent: Vec<Buf> = (0..2 * SPARE_FEW).map(|at| lend(at % 50)).collect();
        lent.drain(..).for_each(|buf| give_back(buf, &memory));
        assert_eq!((memory.used(), memory.pool.spare_few.borrow().len()), (0, SPARE_FEW));
        for len in [3, 700, 0, FEW, 5] {
            let buf = lend(len);
            assert_eq!((buf.filled(), buf.capacity()), (&vec![len as u8; len][..], len));
            assert_eq!((memory.used(), memory.pool.spare_few.borrow().len()), (len, SPARE_FEW - 1));
            give_back(buf, &memory);
        }
    }
    drop(lend(FEW + 1));
    assert!(memory.pool.spare_few.borrow().iter().all(|lent| lent.bytes.capacity() <= FEW));
}

#[test]
fn way_is_made_up_to_a_line_of_the_caches_unless_what_is_needed_would_not_fit() {
    let memory = Memory::new(BUFFER_LEN);
    for (len, needed) in [(100, 101), (100, BUFFER_LEN), (1, 1), (BUFFER_LEN - 64, BUFFER_LEN)] {
        let mut buf = memory.lend().unwrap();
        let bytes = (0..BUFFER_LEN).map(|at| at as u8).collect::<Vec<_>>();
        buf.spare().copy_from_slice(&bytes);
        buf.advance(BUFFER_LEN);
        buf.consume(BUFFER_LEN - len);
        buf.make_way(needed);
        assert_eq!(buf.filled(), &bytes[BUFFER_LEN - len..]);
        let room = buf.spare().len() + len;
        assert!(room >= needed && room > BUFFER_LEN - 64, "{len} of {needed}: room for {room}");
        if needed <= BUFFER_LEN - 64 {
            assert_eq!(buf.spare().as_ptr() as usize % 64, 0, "{len} of {needed}");
        }
        let before = buf.filled().as_ptr();
        let more = buf.spare().len().min(1);
        buf.advance(more);
        buf.make_way(needed);
        assert_eq!(buf.filled().as_ptr(), before, "it is not moved for a few bytes");
    }
}

#[test]
fn consumed_bytes_make_room_again() {
    let memory = Memory::new(BUFFER_LEN);
    let mut buf = memory.lend().unwrap();
    buf.advance(BUFFER_LEN);
    assert_eq!(buf.spare().len(), 0);
    buf.consume(BUFFER_LEN - 2);
    buf.compact();
    assert_eq!((buf.filled().len(), buf.spare().len()), (2, BUFFER_LEN - 2));
    buf.consume(2);
    assert_eq!(buf.spare().len(), BUFFER_LEN);
}
