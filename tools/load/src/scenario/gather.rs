//! Many at a time, not all at once: what each scenario begins with.

use std::{cell::Cell, rc::Rc};

use anyhow::{Context as _, Result};
use tokio::task::spawn_local;

/// Makes `count` things by number, `at_once` of them at a time; they come in order.
///
/// # Errors
///
/// The first; what was made is dropped.
pub(crate) async fn gather<T, F>(
    count: u32,
    at_once: u32,
    make: impl Fn(u32) -> F + Clone + 'static,
) -> Result<Vec<T>>
where
    T: 'static,
    F: Future<Output = Result<T>> + 'static,
{
    let next = Rc::new(Cell::new(0));
    let mut makers = Vec::new();
    for _ in 0..at_once.clamp(1, count.max(1)) {
        let (next, make) = (Rc::clone(&next), make.clone());
        makers.push(spawn_local(async move {
            let mut made = Vec::new();
            while next.get() < count {
                let number = next.replace(next.get() + 1);
                match make(number).await {
                    Ok(thing) => made.push((number, thing)),
                    Err(error) => {
                        next.set(count);
                        return Err(error);
                    }
                }
            }
            Ok(made)
        }));
    }
    let mut all = Vec::new();
    let mut failure = None;
    for maker in makers {
        match maker.await.context("making sessions broke off")? {
            Ok(made) => all.extend(made),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    if let Some(error) = failure {
        return Err(error);
    }
    all.sort_by_key(|(number, _)| *number);
    Ok(all.into_iter().map(|(_, thing)| thing).collect())
}

#[cfg(test)]
mod tests {
    use anyhow::bail;
    use tokio::{runtime, task::LocalSet, task::yield_now};

    use super::*;

    #[test]
    fn things_come_in_order() {
        let made = run(async {
            gather(100, 7, |number| async move {
                for _ in 0..number % 3 {
                    yield_now().await;
                }
                Ok(number)
            })
            .await
        });
        assert_eq!(made.unwrap(), (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn the_first_failure_ends_it() {
        let made = run(async {
            gather(100, 2, |number| async move {
                if number == 3 {
                    bail!("not this one");
                }
                Ok(number)
            })
            .await
        });
        assert_eq!(made.unwrap_err().to_string(), "not this one");
    }

    fn run<T>(work: impl Future<Output = T>) -> T {
        let runtime = runtime::Builder::new_current_thread().build().unwrap();
        LocalSet::new().block_on(&runtime, work)
    }
}
