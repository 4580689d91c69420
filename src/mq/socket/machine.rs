//! The pattern of a socket, whichever it is.

use crate::mq::pattern::fair_queue::LaneEnd;
use crate::mq::pattern::{
    Arrival, Dealer, FairQueue, NotReceived, Pattern, Peer, Pub, Pull, Push, Rep, Req, Router, Sub,
};
use crate::mq::{Message, Options, SocketType};

/// One of the patterns. Which one is in a byte of its own: to find it in what they consist of takes longer.
#[derive(Debug)]
#[repr(u8)]
pub(crate) enum Machine {
    Req(Req),
    Rep(Rep),
    Push(Push),
    Pull(Pull),
    Pub(Pub),
    Sub(Sub),
    Dealer(Dealer),
    Router(Router),
}

impl Machine {
    pub fn new(socket_type: SocketType, options: &Options) -> Machine {
        match socket_type {
            SocketType::Req => Machine::Req(Req::new()),
            SocketType::Rep => Machine::Rep(Rep::new()),
            SocketType::Push => Machine::Push(Push::new()),
            SocketType::Pull => Machine::Pull(Pull::new()),
            SocketType::Pub => Machine::Pub(Pub::new()),
            SocketType::Sub => Machine::Sub(Sub::new()),
            SocketType::Dealer => Machine::Dealer(Dealer::new()),
            SocketType::Router => {
                let mut router = Router::new();
                if options.mandatory {
                    router = router.mandatory();
                }
                if options.handover {
                    router = router.handover();
                }
                Machine::Router(router)
            }
        }
    }

    /// As [`Pattern::arrived`], without asking whose it is where most messages arrive.
    #[inline]
    pub fn arrived(&mut self, peer: Peer, message: Message) -> Arrival {
        match self {
            Machine::Pull(machine) => machine.arrived(peer, message),
            _ => self.get_mut().arrived(peer, message),
        }
    }

    /// Where messages of a peer are put as they come, of a pattern that does no more with them.
    #[inline]
    pub(in crate::mq) fn lane_end(&mut self, peer: Peer) -> Option<LaneEnd<'_>> {
        match self {
            Machine::Pull(machine) => machine.lane_end(peer),
            Machine::Dealer(machine) => machine.lane_end(peer),
            _ => None,
        }
    }

    /// As [`Pattern::recv`], likewise.
    #[inline]
    pub fn recv(&mut self) -> Result<(Peer, Message), NotReceived> {
        match self {
            Machine::Pull(machine) => machine.recv(),
            _ => self.get_mut().recv(),
        }
    }

    /// What is received of a pattern that does no more with it.
    #[inline]
    pub fn incoming(&mut self) -> Option<&mut FairQueue> {
        match self {
            Machine::Pull(machine) => Some(machine.incoming()),
            Machine::Dealer(machine) => Some(machine.incoming()),
            _ => None,
        }
    }

    /// Whom a message goes to, of a pattern that looks at none and changes none; `None` of another, and where it goes to nobody.
    #[inline]
    pub fn pick(&mut self) -> Option<Peer> {
        match self {
            Machine::Push(machine) => machine.next(),
            Machine::Dealer(machine) => machine.next(),
            _ => None,
        }
    }

    /// The only peer that messages go to, of such a pattern, if it is known without looking that it is one.
    pub fn only(&self) -> Option<Peer> {
        match self {
            Machine::Push(machine) => machine.only(),
            Machine::Dealer(machine) => machine.only(),
            _ => None,
        }
    }

    #[inline]
    pub fn get(&self) -> &dyn Pattern {
        match self {
            Machine::Req(machine) => machine,
            Machine::Rep(machine) => machine,
            Machine::Push(machine) => machine,
            Machine::Pull(machine) => machine,
            Machine::Pub(machine) => machine,
            Machine::Sub(machine) => machine,
            Machine::Dealer(machine) => machine,
            Machine::Router(machine) => machine,
        }
    }

    #[inline]
    pub fn get_mut(&mut self) -> &mut dyn Pattern {
        match self {
            Machine::Req(machine) => machine,
            Machine::Rep(machine) => machine,
            Machine::Push(machine) => machine,
            Machine::Pull(machine) => machine,
            Machine::Pub(machine) => machine,
            Machine::Sub(machine) => machine,
            Machine::Dealer(machine) => machine,
            Machine::Router(machine) => machine,
        }
    }
}
