//! The messages of one group in their order: which waits, which is with whom, and which comes again when.
//!
//! Nothing in here waits or looks at a clock: it is told the time, and whom to wake is taken from it afterwards. A
//! message is given to a member when it comes in, in turn among those that have room, and waits there until the member
//! takes it. What a member has not taken when it leaves goes back to its place in the line.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::time::Instant;

use crate::bus::Message;

/// The number of a message in its line: a later one is larger.
pub(super) type Number = u64;
/// The number of a subscriber of the group.
pub(super) type MemberId = u64;

/// A message that waits, or that somebody has.
pub(crate) struct Item {
    /// What to deliver. None: it has to be read from the shelf.
    pub(crate) message: Option<Message>,
    /// What the shelf calls it, if it is there too.
    pub(crate) kept: Option<u64>,
    /// How often it was delivered.
    pub(crate) attempt: u32,
    /// Not to be delivered before.
    pub(crate) due: Option<Instant>,
    /// What it takes of its group's bound, where that was counted.
    pub(crate) _room: Option<OwnedSemaphorePermit>,
}

struct Waiting {
    item: Item,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    /// Nobody had room yet.
    Ready,
    /// It comes again then.
    Later(Instant),
    /// A member has it, or has it before itself.
    With { member: MemberId, taken: bool, until: Instant },
}

struct Member {
    id: MemberId,
    limit: usize,
    /// What it has, taken or not.
    held: usize,
    inbox: VecDeque<Number>,
    /// Messages that were dropped since it was told.
    dropped: u64,
    bell: Arc<Notify>,
}

/// What a member finds when it looks.
pub(super) enum Turn {
    /// A message.
    Take(Ticket),
    /// So many were dropped.
    Dropped(u64),
    /// Nothing yet: to look again when the bell rings, and at this time.
    Wait(Instant),
    /// Nothing will come any more.
    Ended,
}

/// A message that a member has taken.
pub(super) struct Ticket {
    pub(super) number: Number,
    pub(super) attempt: u32,
    pub(super) message: Option<Message>,
    pub(super) kept: Option<u64>,
}

/// The line.
pub(super) struct Line {
    waiting: HashMap<Number, Waiting>,
    ready: BTreeSet<Number>,
    /// When to look at messages that come again and at those that are not settled.
    alarms: BTreeSet<(Instant, Number)>,
    /// Whose turn it is stands first.
    members: VecDeque<Member>,
    last: u64,
    settle_within: Duration,
    bells: Vec<Arc<Notify>>,
    ended: bool,
}

impl Line {
    /// Nobody and nothing.
    pub(super) fn new(settle_within: Duration) -> Self {
        Self {
            waiting: HashMap::new(),
            ready: BTreeSet::new(),
            alarms: BTreeSet::new(),
            members: VecDeque::new(),
            last: 0,
            settle_within,
            bells: Vec::new(),
            ended: false,
        }
    }

    /// Whom to wake, once nothing is locked.
    pub(super) fn take_bells(&mut self) -> Vec<Arc<Notify>> {
        std::mem::take(&mut self.bells)
    }

    /// Whether anybody listens.
    pub(super) fn has_members(&self) -> bool {
        !self.members.is_empty()
    }

    /// Adds a member that may have `limit` messages at a time, and the bell that rings for it.
    pub(super) fn join(&mut self, limit: usize, now: Instant) -> (MemberId, Arc<Notify>) {
        let (id, bell) = (self.next(), Arc::new(Notify::new()));
        let inbox = VecDeque::new();
        self.members.push_back(Member { id, limit, held: 0, inbox, dropped: 0, bell: bell.clone() });
        self.hand_out(now);
        (id, bell)
    }

    /// Removes a member. It can still settle what it has taken.
    pub(super) fn leave(&mut self, member: MemberId, now: Instant) {
        let Some(inbox) = self.member(member).map(|member| member.inbox.clone()) else { return };
        self.members.retain(|other| other.id != member);
        for number in inbox {
            self.put(number, Place::Ready);
        }
        self.hand_out(now);
    }

    /// Adds a message at the end.
    pub(super) fn push(&mut self, item: Item, now: Instant) {
        if self.ended {
            return;
        }
        let number = self.next();
        let place = item.due.map_or(Place::Ready, Place::Later);
        self.waiting.insert(number, Waiting { item, place });
        self.enter(number, place);
        self.hand_out(now);
    }

    /// Counts a message that there was no room for.
    pub(super) fn drop_one(&mut self) {
        for member in &mut self.members {
            member.dropped += 1;
            self.bells.push(member.bell.clone());
        }
    }

    /// What there is for a member.
    pub(super) fn take(&mut self, member: MemberId, now: Instant) -> Turn {
        self.advance(now);
        // A delivery that begins while this member waits ends later than that: only what comes again sooner rings.
        let look_again = now + self.settle_within;
        let look_again = self.alarms.first().map_or(look_again, |(at, _)| look_again.min(*at));
        let ended = self.ended;
        let Some(this) = self.member(member).filter(|_| !ended) else { return Turn::Ended };
        if this.dropped > 0 {
            return Turn::Dropped(std::mem::take(&mut this.dropped));
        }
        let Some(&number) = this.inbox.front() else { return Turn::Wait(look_again) };
        self.put(number, Place::With { member, taken: true, until: now + self.settle_within });
        let Waiting { item, .. } = self.waiting.get_mut(&number).expect("invariant: what is in an inbox waits");
        item.attempt = item.attempt.saturating_add(1);
        Turn::Take(Ticket { number, attempt: item.attempt, message: item.message.clone(), kept: item.kept })
    }

    /// Removes a message, wherever it is: it was handled.
    pub(super) fn remove(&mut self, number: Number, now: Instant) {
        self.lift(number);
        self.waiting.remove(&number);
        self.hand_out(now);
    }

    /// Lets a message come again at `at`, if it is still with who took it for this attempt.
    pub(super) fn delay(&mut self, number: Number, attempt: u32, at: Instant, now: Instant) {
        if self.taker(number, attempt).is_none() {
            return;
        }
        self.put(number, Place::Later(at));
        if self.alarms.first().is_some_and(|(first, _)| *first == at) {
            self.bells.extend(self.members.iter().map(|member| member.bell.clone()));
        }
        self.hand_out(now);
    }

    /// Begins the time anew that a message may go unsettled.
    pub(super) fn extend(&mut self, number: Number, attempt: u32, now: Instant) {
        if let Some(member) = self.taker(number, attempt) {
            self.put(number, Place::With { member, taken: true, until: now + self.settle_within });
        }
    }

    /// Ends the line: nobody gets anything any more.
    pub(super) fn end(&mut self) {
        self.ended = true;
        self.waiting.clear();
        self.ready.clear();
        self.alarms.clear();
        self.bells.extend(self.members.iter().map(|member| member.bell.clone()));
    }

    /// What was to come again by now is ready, and what was not settled in time.
    fn advance(&mut self, now: Instant) {
        while let Some((_, number)) = self.alarms.first().copied().filter(|(at, _)| *at <= now) {
            self.put(number, Place::Ready);
        }
        self.hand_out(now);
    }

    /// Gives what is ready to those that have room.
    fn hand_out(&mut self, now: Instant) {
        while let Some(&number) = self.ready.first() {
            let Some(at) = self.members.iter().position(|member| member.held < member.limit) else { return };
            let member = self.members.remove(at).expect("invariant: it was found there");
            let id = member.id;
            self.members.push_back(member);
            self.put(number, Place::With { member: id, taken: false, until: now + self.settle_within });
        }
    }

    /// Who has taken a message for this attempt and not settled it.
    fn taker(&self, number: Number, attempt: u32) -> Option<MemberId> {
        match self.waiting.get(&number)? {
            Waiting { item, place: Place::With { member, taken: true, .. } } if item.attempt == attempt => {
                Some(*member)
            }
            _ => None,
        }
    }

    /// Moves a message to another place.
    fn put(&mut self, number: Number, place: Place) {
        self.lift(number);
        if let Some(waiting) = self.waiting.get_mut(&number) {
            waiting.place = place;
            self.enter(number, place);
        }
    }

    /// Takes a message out of where it is.
    fn lift(&mut self, number: Number) {
        match self.waiting.get(&number).map(|waiting| waiting.place) {
            None => {}
            Some(Place::Ready) => drop(self.ready.remove(&number)),
            Some(Place::Later(at)) => drop(self.alarms.remove(&(at, number))),
            Some(Place::With { member, until, .. }) => {
                self.alarms.remove(&(until, number));
                // It may have left.
                let Some(member) = self.member(member) else { return };
                member.held -= 1;
                match member.inbox.front() == Some(&number) {
                    true => drop(member.inbox.pop_front()),
                    false => member.inbox.retain(|other| *other != number),
                }
            }
        }
    }

    fn enter(&mut self, number: Number, place: Place) {
        match place {
            Place::Ready => drop(self.ready.insert(number)),
            Place::Later(at) => drop(self.alarms.insert((at, number))),
            Place::With { member, taken, until } => {
                self.alarms.insert((until, number));
                let Some(member) = self.members.iter_mut().find(|other| other.id == member) else { return };
                member.held += 1;
                if !taken {
                    member.inbox.push_back(number);
                    self.bells.push(member.bell.clone());
                }
            }
        }
    }

    fn member(&mut self, id: MemberId) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.id == id)
    }

    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITHIN: Duration = Duration::from_secs(30);

    /// A line, and a clock that is moved by hand.
    struct Scene {
        line: Line,
        now: Instant,
    }

    fn scene() -> Scene {
        Scene { line: Line::new(WITHIN), now: Instant::now() }
    }

    impl Scene {
        fn join(&mut self, limit: usize) -> MemberId {
            self.line.join(limit, self.now).0
        }

        fn push(&mut self, bodies: &[&'static str]) {
            for body in bodies {
                let subject = "a".parse().expect("a subject");
                let message = Message { subject, body: (*body).into(), reply_to: None, headers: Vec::new() };
                let item = Item { message: Some(message), kept: None, attempt: 0, due: None, _room: None };
                self.line.push(item, self.now);
            }
        }

        /// What `member` takes now: the number and `body/attempt`.
        fn take(&mut self, member: MemberId) -> Option<(Number, String)> {
            match self.line.take(member, self.now) {
                Turn::Take(Ticket { number, attempt, message, .. }) => {
                    let body = message.expect("it is in memory").body;
                    Some((number, format!("{}/{attempt}", String::from_utf8_lossy(&body))))
                }
                Turn::Wait(until) => {
                    assert!(until <= self.now + WITHIN, "who waits looks again in time");
                    None
                }
                Turn::Dropped(_) | Turn::Ended => panic!("nothing was dropped, and it goes on"),
            }
        }

        fn all(&mut self, member: MemberId) -> Vec<String> {
            std::iter::from_fn(|| self.take(member)).map(|(_, text)| text).collect()
        }
    }

    #[test]
    fn goes_round_those_that_have_room() {
        let mut scene = scene();
        let (one, two, small) = (scene.join(10), scene.join(10), scene.join(1));
        scene.push(&["a", "b", "c", "d", "e", "f"]);
        assert_eq!(scene.all(one), ["a/1", "d/1", "f/1"]);
        assert_eq!(scene.all(two), ["b/1", "e/1"]);
        assert_eq!(scene.all(small), ["c/1"]);
    }

    #[test]
    fn who_settles_gets_more() {
        let mut scene = scene();
        let one = scene.join(1);
        scene.push(&["a", "b"]);
        let (number, _) = scene.take(one).expect("the first");
        assert_eq!(scene.take(one), None, "it has as much as it may");
        scene.line.remove(number, scene.now);
        assert_eq!(scene.all(one), ["b/1"]);
    }

    #[test]
    fn what_is_delayed_comes_again_in_its_place() {
        let mut scene = scene();
        let one = scene.join(1);
        scene.push(&["a", "b", "c"]);
        let (first, _) = scene.take(one).expect("the first");
        scene.line.delay(first, 1, scene.now + Duration::from_secs(5), scene.now);
        let (second, text) = scene.take(one).expect("the second");
        assert_eq!(text, "b/1");
        scene.now += Duration::from_millis(4999);
        assert_eq!(scene.take(one), None);
        scene.line.remove(second, scene.now);
        let (third, text) = scene.take(one).expect("the time of the first has not come");
        assert_eq!(text, "c/1");
        scene.push(&["d"]);
        scene.now += Duration::from_millis(1);
        assert_eq!(scene.take(one), None, "it has as much as it may");
        scene.line.remove(third, scene.now);
        assert_eq!(scene.all(one), ["a/2"], "it comes before what came later");
    }

    #[test]
    fn what_is_not_settled_in_time_goes_to_another() {
        let mut scene = scene();
        let (one, two) = (scene.join(1), scene.join(1));
        scene.push(&["a"]);
        let (number, _) = scene.take(one).expect("the first");
        scene.now += WITHIN / 2;
        scene.line.extend(number, 1, scene.now);
        scene.now += WITHIN / 2;
        assert_eq!(scene.take(two), None, "it was kept");
        scene.now += WITHIN / 2;
        assert_eq!(scene.all(two), ["a/2"]);
        scene.line.delay(number, 1, scene.now, scene.now);
        assert_eq!(scene.take(one), None, "who was too late cannot delay it");
        scene.line.remove(number, scene.now);
        scene.now += WITHIN;
        assert_eq!((scene.take(one), scene.take(two)), (None, None), "who was too late can still be done with it");
    }

    #[test]
    fn who_leaves_gives_back_what_it_has_not_taken() {
        let mut scene = scene();
        let one = scene.join(3);
        scene.push(&["a", "b", "c", "d"]);
        let (number, _) = scene.take(one).expect("the first");
        scene.line.leave(one, scene.now);
        let two = scene.join(10);
        assert_eq!(scene.all(two), ["b/1", "c/1", "d/1"]);
        scene.line.delay(number, 1, scene.now, scene.now);
        assert_eq!(scene.all(two), ["a/2"]);
    }

    #[test]
    fn what_comes_again_sooner_rings() {
        let mut scene = scene();
        let (one, two) = (scene.join(1), scene.join(1));
        scene.push(&["a"]);
        let (number, _) = scene.take(one).expect("the first");
        assert_eq!(scene.take(two), None);
        scene.line.take_bells();
        scene.line.delay(number, 1, scene.now + Duration::from_secs(1), scene.now);
        assert_eq!(scene.line.take_bells().len(), 2);
    }
}
