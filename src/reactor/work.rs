//! What runs in phases 1 and 2, boxed: callbacks, which run again and again, and tasks, which run once.
//!
//! Each knows what it is called without storing it, by the table of its type: a name costs nothing until it is asked for.

use std::any::type_name;
use std::error::Error;

use super::context::Context;
use super::slab::Id;

/// The error of a callback, a task or a timer.
pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// What a callback, a task or a timer may return: nothing, or a `Result<(), E>` whose error closes the source that the callback
/// belongs to and is reported, as [`Context::on_failure`] says.
///
/// ```
/// use ringmq::Reactor;
///
/// # fn main() -> std::io::Result<()> {
/// let mut reactor = Reactor::new()?;
/// let mut context = reactor.context();
/// context.on_failure(|log: &mut String, _, failure| *log = failure.to_string());
/// context.defer(|_, context| -> Result<(), std::num::ParseIntError> {
///     context.stop();
///     let number: u32 = "seven".parse()?;
///     unreachable!("{number}")
/// });
/// let mut log = String::new();
/// reactor.run(&mut log)?;
/// assert!(log.ends_with("failed: invalid digit found in string"), "{log}");
/// # Ok(())
/// # }
/// ```
pub trait Outcome {
    /// The error, if it is one.
    fn error(self) -> Option<Box<dyn Error + Send + Sync>>;
}

impl Outcome for () {
    fn error(self) -> Option<BoxError> {
        None
    }
}

impl<E: Into<BoxError>> Outcome for Result<(), E> {
    fn error(self) -> Option<BoxError> {
        self.err().map(Into::into)
    }
}

/// What a closure that only panics returns: `!`, which cannot be written by its name yet.
type Never = <fn() -> ! as Return>::Type;

/// A function by what it returns.
pub trait Return {
    /// What it returns.
    type Type;
}

impl<R> Return for fn() -> R {
    type Type = R;
}

impl Outcome for Never {
    fn error(self) -> Option<BoxError> {
        self
    }
}

/// Runs in phase 1 whenever its source, a `T`, was fired. It is handed the id and does not capture it.
pub(crate) trait Callback<S: 'static, T> {
    fn call(&mut self, state: &mut S, context: &mut Context<'_, S>, id: Id<T>) -> Option<BoxError>;
    fn name(&self) -> &'static str;
}

/// Runs once.
pub(crate) trait Task<S: 'static> {
    fn run(self: Box<Self>, state: &mut S, context: &mut Context<'_, S>) -> Option<BoxError>;
    fn name(&self) -> &'static str;
}

/// A closure as a callback.
pub(crate) struct CallbackOf<F>(pub F);

impl<S: 'static, T, R, F> Callback<S, T> for CallbackOf<F>
where
    R: Outcome,
    F: FnMut(&mut S, &mut Context<'_, S>, Id<T>) -> R,
{
    #[inline(always)] // it has one caller, and what it is told there decides much of it
    fn call(&mut self, state: &mut S, context: &mut Context<'_, S>, id: Id<T>) -> Option<BoxError> {
        (self.0)(state, context, id).error()
    }

    fn name(&self) -> &'static str {
        type_name::<F>()
    }
}

impl<S: 'static, R, F> Task<S> for F
where
    R: Outcome,
    F: FnOnce(&mut S, &mut Context<'_, S>) -> R,
{
    fn run(self: Box<Self>, state: &mut S, context: &mut Context<'_, S>) -> Option<BoxError> {
        self(state, context).error()
    }

    fn name(&self) -> &'static str {
        type_name::<F>()
    }
}
