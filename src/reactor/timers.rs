//! Timers by deadline: set, cleared and put off, and run in order once they are due.
//!
//! The heap is left alone for as long as it may be. A timer that is put off costs one note: the heap keeps the earlier deadline, and when
//! that comes up the timer is put where it belongs. So an idle timeout that every message resets moves in the heap once per timeout, not
//! once per message. A timer that is cleared goes at once with all that its task holds, but what the heap has of it stays there until it
//! comes up, or until the heap is swept because most of it is such. One that is drawn forward gets another entry in the same way.
//!
//! Most timers of a crowd never come near the heap. Those with a deadline behind a horizon are far: nothing is known of them but that, and
//! they are set, put off and cleared in their slots alone. When nothing is left before the horizon it is put behind about half of them, and
//! these come into the heap; when much is set before it, it is drawn nearer.

mod heap;
mod moment;
mod slots;
#[cfg(test)]
mod tests;
mod vacant;

use std::collections::VecDeque;
use std::time::Instant;

use self::heap::{Entry, Heap};
use self::moment::{Moment, Timeline};
use self::slots::{Slots, Timer};

/// A timeout or an interval that was set, to clear or to reset it by.
///
/// It outlives its timer harmlessly: no two timers of a loop ever have the same one, so clearing one that has run, or was cleared,
/// does nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TimerId {
    slot: u32,
    /// No other timer has the same: even for what runs once, odd for what repeats.
    number: u64,
}

/// Tasks to run at their deadlines.
pub(crate) struct Timers<T> {
    timeline: Timeline,
    slots: Slots<T>,
    /// Those that have a deadline and are not due yet, unless they are far, by a deadline that may be earlier than theirs by now.
    heap: Heap,
    /// The first of the heap, and its deadline, which is not behind the horizon when any timer is far.
    first: Option<(Entry, Instant)>,
    /// What is set behind it is far. Behind it lies all that is far, and some of the heap may.
    horizon: Option<(Moment, Instant)>,
    far_count: usize,
    /// With more entries in the heap the horizon is drawn nearer.
    near_limit: usize,
    /// What was found due and has not run yet, in the order to run it. What is not its timer's any more is passed over.
    due: VecDeque<Due>,
    /// Counts the timers, by two.
    last_number: u64,
    /// Counts the settings, to keep equal deadlines in that order.
    last_sequence: u32,
}

#[derive(Clone, Copy)]
struct Due {
    slot: u32,
    sequence: u32,
}

/// No setting's sequence: that of a repeating timer from when it comes to run until it is set, and the entry of what is due, runs or is
/// never to be due.
const NONE: u32 = 0;

/// No setting's sequence either: the entry of what is far.
const FAR: u32 = u32::MAX;

/// With this setting all are numbered anew.
const LAST: u32 = FAR - 1;

/// With so many in the heap no timer is far.
const NEAR: usize = 64;

/// So many slots are looked at to put the horizon behind about half of what is far.
const SAMPLES: usize = 1024;

/// The part of all slots that is worth a look at each.
const PART: usize = 8;

/// Above this many items the memory of what was due at once is given back.
const DUE_KEPT: usize = 1024;

impl<T> Timers<T> {
    pub fn new() -> Timers<T> {
        Timers {
            timeline: Timeline::new(),
            slots: Slots::new(),
            heap: Heap::new(),
            first: None,
            horizon: None,
            far_count: 0,
            near_limit: NEAR,
            due: VecDeque::new(),
            last_number: 0,
            last_sequence: NONE,
        }
    }

    /// Sets a timer that runs once; without a deadline it never comes due, and can be cleared like any other.
    pub fn set(&mut self, deadline: Option<Instant>, task: T) -> TimerId {
        self.insert(deadline, false, |_| task)
    }

    /// Sets a timer that lives on when it runs, until it is cleared: who runs it sets its next deadline and puts it back.
    pub fn set_repeating(&mut self, deadline: Option<Instant>, task: impl FnOnce(TimerId) -> T) -> TimerId {
        self.insert(deadline, true, task)
    }

    fn insert(
        &mut self,
        deadline: Option<Instant>,
        is_repeating: bool,
        task: impl FnOnce(TimerId) -> T,
    ) -> TimerId {
        self.last_sequence += 1;
        let sequence = self.last_sequence;
        self.last_number += 2;
        let number = self.last_number + u64::from(is_repeating);
        let entry = self.entry_for(deadline, sequence);
        let slot = self.slots.next();
        let id = TimerId { slot, number };
        self.slots.fill(slot, Timer { number, sequence, entry, task: Some(task(id)), deadline });
        // Where others are far, the first of the heap comes before this one too.
        if entry == FAR && self.far_count > 0 && sequence != LAST {
            self.far_count += 1;
        } else {
            self.enter(slot, deadline, sequence, entry);
        }
        id
    }

    /// What a timer is to have as its entry when it has none.
    #[inline]
    fn entry_for(&self, deadline: Option<Instant>, sequence: u32) -> u32 {
        match (deadline, self.horizon) {
            (Some(deadline), Some((_, horizon))) if deadline > horizon => FAR,
            (Some(_), _) => sequence,
            (None, _) => NONE,
        }
    }

    /// Brings what has got an entry where it belongs by that.
    #[inline(never)] // most of a crowd do without it
    fn enter(&mut self, slot: u32, deadline: Option<Instant>, sequence: u32, entry: u32) {
        match deadline {
            Some(_) if entry == FAR => self.far_count += 1,
            Some(deadline) => {
                self.heap.insert(Entry::new(self.timeline.moment(deadline), sequence, slot));
                if self.heap.len() > self.near_limit {
                    self.draw_horizon_nearer();
                }
            }
            None => {}
        }
        self.settle();
    }

    /// Gives a timer another deadline, as if it had been set just now; `false` when it has run or was cleared.
    pub fn reset(&mut self, id: TimerId, deadline: Option<Instant>) -> bool {
        let sequence = self.last_sequence + 1;
        let timer = match self.slots.find_mut(id) {
            Some(timer) => timer,
            None => return false,
        };
        let is_put_off = match (deadline, timer.deadline) {
            (Some(new), Some(old)) => new >= old && timer.entry != NONE,
            _ => false,
        };
        timer.deadline = deadline;
        timer.sequence = sequence;
        self.last_sequence = sequence;
        // That it was put off is seen when its entry comes up.
        if !is_put_off || sequence == LAST {
            self.reschedule(id.slot);
        }
        true
    }

    /// Gives a timer an entry by its deadline, if it has one, in place of the entry that it had.
    #[inline(never)] // what is put off does without it
    fn reschedule(&mut self, slot: u32) {
        let timer = self.slots.get_mut(slot).expect("a live timer is scheduled");
        let (deadline, sequence) = (timer.deadline, timer.sequence);
        let (had_entry, was_far) = (timer.has_entry(), timer.entry == FAR);
        self.far_count -= usize::from(was_far);
        if !had_entry {
            let entry = self.entry_for(deadline, sequence);
            self.slots.get_mut(slot).expect("it was seen to be live").entry = entry;
            return self.enter(slot, deadline, sequence, entry);
        }
        if let Some(deadline) = deadline {
            timer.entry = sequence;
            let entry = Entry::new(self.timeline.moment(deadline), sequence, slot);
            self.heap.supersede(entry, is_live_in(&self.slots));
        } else {
            timer.entry = NONE;
            // It may have been the first.
            let _ = self.heap.forget();
            self.sweep();
        }
        self.settle();
    }

    /// Clears a timer, due or not; `false` when it has run or was cleared before.
    pub fn clear(&mut self, id: TimerId) -> bool {
        let (entry, task) = match self.slots.remove(id) {
            Some(removed) => removed,
            None => return false,
        };
        if entry == FAR {
            self.far_count -= 1;
        } else if entry != NONE {
            self.forget_entry(entry);
        }
        self.forget_due();
        // Last: its drop may do anything.
        drop(task);
        true
    }

    /// Leaves the entry of a timer that was cleared dead.
    #[inline(never)] // most of a crowd have none
    fn forget_entry(&mut self, entry: u32) {
        let was_first = self.first.map_or(false, |(first, _)| first.sequence() == entry);
        if self.heap.forget() || was_first {
            self.sweep();
        }
    }

    /// A live timer's deadline, also while it runs.
    pub fn deadline(&self, id: TimerId) -> Option<Instant> {
        self.slots.find(id)?.deadline
    }

    /// Whether a repeating timer that runs has been neither cleared nor reset since it began.
    pub fn is_left_alone(&self, id: TimerId) -> bool {
        self.slots.find(id).map_or(false, |timer| timer.sequence == NONE)
    }

    /// Puts back what was lifted out to run; dropped when its timer was cleared meanwhile.
    pub fn put_back(&mut self, id: TimerId, task: T) {
        if let Some(timer) = self.slots.find_mut(id) {
            timer.task = Some(task);
        }
    }

    /// When to look for due timers next: never later than the earliest deadline, and earlier when the timer that was first has been
    /// put off.
    #[inline]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.first.map(|(_, deadline)| deadline)
    }

    /// Whether there are none. Then none is left that was due either.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.slots.len() == 0
    }

    #[inline]
    pub fn has_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// Fixes which timers are due at `now`: what is set or reset later waits, whatever its deadline. They come behind what was found
    /// due before and has not run yet, which is where their deadlines belong.
    pub fn collect_due(&mut self, now: Instant) {
        let now = self.timeline.moment(now);
        while let Some(first) = self.first_near().filter(|first| first.deadline() <= now) {
            let slot = first.slot();
            let timer = self.slots.get_mut(slot).expect("the first of the heap is live");
            if timer.sequence == first.sequence() {
                timer.entry = NONE;
                self.due.push_back(Due { slot, sequence: first.sequence() });
                self.heap.pop_first(is_live_in(&self.slots));
            } else {
                // It was put off since it came there.
                timer.entry = timer.sequence;
                let deadline = timer.deadline.expect("what has an entry has a deadline");
                let entry = Entry::new(self.timeline.moment(deadline), timer.sequence, slot);
                self.heap.replace_first(entry, is_live_in(&self.slots));
            }
        }
        self.note_first();
    }

    /// The next due timer's task and deadline, by deadline and then by order of setting. One that was cleared or reset meanwhile is
    /// passed over.
    pub fn pop_due(&mut self) -> Option<(T, Instant)> {
        while let Some(due) = self.due.pop_front() {
            // With the last one, after which nobody may ask.
            if self.due.is_empty() && self.due.capacity() > DUE_KEPT {
                self.due = VecDeque::new();
            }
            let timer = match self.slots.get_mut(due.slot) {
                Some(timer) if timer.sequence == due.sequence => timer,
                _ => continue,
            };
            let deadline = timer.deadline;
            let task = if timer.is_repeating() {
                timer.sequence = NONE;
                timer.task.take()
            } else {
                let id = TimerId { slot: due.slot, number: timer.number };
                let (_, task) = self.slots.remove(id)?;
                self.forget_due();
                task
            };
            return Some((task?, deadline?));
        }
        None
    }

    /// Drops what was due and is not its timer's any more, when no timer is left: nobody would ask for it.
    #[inline]
    fn forget_due(&mut self) {
        if self.is_idle() {
            self.due.clear();
        }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Drops what is dead in the heap and in the way, once the first has died or the dead are many.
    #[inline(never)] // most that are cleared do without it
    fn sweep(&mut self) {
        self.heap.sweep(is_live_in(&self.slots));
        self.note_first();
    }

    fn note_first(&mut self) {
        let first = self.first_near();
        if first != self.first.map(|(entry, _)| entry) {
            self.first = first.map(|entry| (entry, self.timeline.instant(entry.deadline())));
        }
    }

    /// The first of the heap, which comes before all that is far.
    #[inline]
    fn first_near(&mut self) -> Option<Entry> {
        while self.far_count > 0 && !self.is_near(self.heap.first()) {
            self.bring_near();
        }
        self.heap.first()
    }

    #[inline]
    fn is_near(&self, entry: Option<Entry>) -> bool {
        match (entry, self.horizon) {
            (Some(entry), Some((horizon, _))) => entry.deadline() <= horizon,
            _ => false,
        }
    }

    /// Gives entries to the earlier ones of those that are far.
    ///
    /// All slots are looked at for that. So it brings near a good part of as many; or all that is far, and then a good part of as many are
    /// set before any is far again.
    #[cold]
    fn bring_near(&mut self) {
        let (far_count, room) = (self.far_count, self.slots.room());
        self.horizon = self.mean_of_some(true);
        self.bring_near_to_horizon();
        if PART * (far_count - self.far_count) < room {
            self.horizon = None;
            self.bring_near_to_horizon();
        }
        self.near_limit = (2 * self.heap.len()).max(self.heap.len() + room / PART).max(NEAR);
    }

    #[inline(never)]
    fn bring_near_to_horizon(&mut self) {
        for (slot, timer) in self.slots.iter_mut() {
            match (timer.deadline, self.horizon) {
                (Some(deadline), Some((_, horizon))) if deadline > horizon => {}
                (Some(deadline), _) if timer.entry == FAR => {
                    timer.entry = timer.sequence;
                    self.far_count -= 1;
                    self.heap.insert(Entry::new(self.timeline.moment(deadline), timer.sequence, slot));
                }
                _ => {}
            }
        }
    }

    /// What is in the heap stays there.
    #[cold]
    fn draw_horizon_nearer(&mut self) {
        self.near_limit = 2 * self.heap.len();
        match (self.mean_of_some(false), self.horizon) {
            (Some((new, _)), Some((old, _))) if new >= old => {}
            (mean, _) => self.horizon = mean.or(self.horizon),
        }
    }

    /// The mean deadline of some that are far, or of some that are not, if any of them is found: no earlier than the first.
    fn mean_of_some(&self, are_far: bool) -> Option<(Moment, Instant)> {
        let (mut first, mut sum, mut count) = (Moment(u64::MAX), 0, 0);
        for slot in (0..self.slots.room()).step_by(self.slots.room() / SAMPLES + 1) {
            let timer = match self.slots.get(slot as u32) {
                Some(timer) if timer.entry != NONE && (timer.entry == FAR) == are_far => timer,
                _ => continue,
            };
            let deadline = self.timeline.moment(timer.deadline?);
            first = first.min(deadline);
            // So the sum fits, and the mean is right to a microsecond.
            sum += deadline.0 / SAMPLES as u64;
            count += 1;
        }
        let mean = first.max(Moment(u64::checked_div(sum, count)? * SAMPLES as u64));
        Some((mean, self.timeline.instant(mean)))
    }

    /// What is to be done after a setting.
    fn settle(&mut self) {
        self.note_first();
        if self.last_sequence == LAST {
            self.number_anew();
        }
    }

    /// Gives all settings small numbers again, in the same order: once in four billion settings.
    #[cold]
    fn number_anew(&mut self) {
        let slots = &mut self.slots;
        self.due.retain(|due| slots.get(due.slot).map_or(false, |timer| timer.sequence == due.sequence));
        // In order by a heap too: to sort otherwise would be more code than all the rest of this.
        let mut settings = Heap::new();
        let live = slots.iter_mut().filter(|(_, timer)| timer.sequence != NONE);
        settings.refill(live.map(|(slot, timer)| Entry::new(Moment(timer.sequence.into()), NONE, slot)));
        let mut entries = Vec::new();
        self.last_sequence = NONE;
        while let Some(setting) = settings.pop() {
            let slot = setting.slot();
            let timer = slots.get_mut(slot).expect("it was seen to be live");
            self.last_sequence += 1;
            timer.sequence = self.last_sequence;
            if let (true, Some(deadline)) = (timer.has_entry(), timer.deadline) {
                timer.entry = timer.sequence;
                entries.push(Entry::new(self.timeline.moment(deadline), timer.sequence, slot));
            }
        }
        self.heap.refill(entries);
        for due in &mut self.due {
            due.sequence = slots.get(due.slot).expect("it was seen to be live").sequence;
        }
        self.note_first();
    }
}

impl<T> Timer<T> {
    fn is_repeating(&self) -> bool {
        self.number % 2 == 1
    }

    #[inline]
    fn has_entry(&self) -> bool {
        self.entry != NONE && self.entry != FAR
    }
}

/// Tells whether an entry of the heap is its timer's.
fn is_live_in<T>(slots: &Slots<T>) -> impl Fn(Entry) -> bool + '_ {
    move |entry| slots.get(entry.slot()).map_or(false, |timer| timer.entry == entry.sequence())
}
