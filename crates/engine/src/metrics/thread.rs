//! A number for each thread that counts, which no other living thread has.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The numbers of threads that have ended, to be given again.
static FREE: Mutex<Numbers> = Mutex::new(Numbers {
    next: 0,
    free: BTreeSet::new(),
});

thread_local! {
    static NUMBER: Number = Number(numbers().take());
}

#[derive(Debug)]
struct Numbers {
    next: usize,
    free: BTreeSet<usize>,
}

impl Numbers {
    fn take(&mut self) -> usize {
        self.free.pop_first().unwrap_or_else(|| {
            self.next += 1;
            self.next - 1
        })
    }
}

/// Goes back when its thread ends. What the thread wrote before is seen by who gets the number next: both hold the lock.
struct Number(usize);

impl Drop for Number {
    fn drop(&mut self) {
        numbers().free.insert(self.0);
    }
}

fn numbers() -> MutexGuard<'static, Numbers> {
    FREE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// This thread's number; `None` while the thread is being torn down.
pub(super) fn number() -> Option<usize> {
    NUMBER.try_with(|number| number.0).ok()
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn the_lowest_free_number_is_given_again() {
        let mut numbers = Numbers {
            next: 0,
            free: BTreeSet::new(),
        };
        assert_eq!([numbers.take(), numbers.take(), numbers.take()], [0, 1, 2]);
        numbers.free.extend([1, 0]);
        assert_eq!([numbers.take(), numbers.take(), numbers.take()], [0, 1, 3]);
    }

    #[test]
    fn living_threads_have_different_numbers() {
        let own = number();
        assert_eq!(own, number(), "it stays");
        let other = thread::spawn(number).join().expect("it ends");
        assert_ne!(own, other);
    }
}
