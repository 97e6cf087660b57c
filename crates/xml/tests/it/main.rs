//! What the crate promises, seen from outside.

#[cfg(test)]
mod build;
#[cfg(test)]
mod detach;
#[cfg(test)]
mod events;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod read;
#[cfg(test)]
mod scan;
