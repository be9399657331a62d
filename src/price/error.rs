//! Why there is no cost, and why prices cannot be read.

use std::path::PathBuf;

/// Why an exchange has no cost.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unknown {
    /// Nobody counted.
    #[error("no tokens were counted")]
    NoUsage,
    /// The tokens are counted for information, or are those of an earlier exchange.
    #[error("nothing is charged for it")]
    NotCharged,
    /// The stream ended before the provider's last count.
    #[error("the answer was interrupted before its tokens were counted")]
    Interrupted,
    /// A request or a reply names no model.
    #[error("no model is named")]
    NoModel,
    /// A host of nobody's: a gateway, a machine of the user's.
    #[error("no price list is known of the provider")]
    NoProvider,
    /// The tables have the provider and not the model, or no price of it.
    #[error("no price of the model is known")]
    NoPrice,
    /// A kind of tokens that the model has no price of.
    #[error("no price of the model's {0} is known")]
    NoPriceOf(&'static str),
    /// A way of serving that has a price of its own, and it is not known.
    #[error("the price of {0} is not known")]
    Terms(String),
    /// Something beside tokens that is paid for.
    #[error("{0} is paid for beside the tokens")]
    Beside(&'static str),
}

/// Prices that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PriceError {
    /// A file of prices with something wrong in it.
    #[error("`{}` has no prices that can be read: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A text that is no sheet of prices.
    #[error("{0}")]
    Sheet(String),
    /// A text that is no table of prices.
    #[error("no table of prices: {0}")]
    Table(String),
}
