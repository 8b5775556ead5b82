//! Built-in stocks.

mod entry;
mod gc;
mod repository;
mod store;
mod verify;

#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use store::Store;

use crate::builtin::environment::Env;
use crate::error::Result;
use crate::manifest::UseSpec;
use crate::roles::Stock;

/// Makes `builtin:store` in the stock's folder of `env`; where that is was decided before (`path`, `--stock`, `GREFFON_STOCK`).
///
/// # Errors
/// None today; the signature is that of every constructor.
pub fn build(_: &UseSpec, env: &Env) -> Result<Arc<dyn Stock>> {
    Ok(Arc::new(Store::new(env.stockroom.clone())))
}
