//! Bundles: payments of several payers or in several units that belong
//! together, and exchange between two units.
//!
//! Every entry pays out of one account in one unit, so several payers or two
//! units need several entries. A **bundle** is the remark that says which: the
//! dues, each what one account is to pay to another, or the terms of an
//! exchange, from which its dues follow. Its id is the link: payments that
//! carry it out name it as their cause. A cause blocks nothing and decides
//! nothing, so no payment waits for another one, and whether all of them are
//! there is a question and never a rule ([`query::bundles`](crate::query)).
//!
//! A bundle binds nobody. It is Valid also where nobody could pay it, as with a
//! due below the least leg of its unit, which admission refuses to state. All of
//! its payments are atomic only where one store writes them in one commit
//! ([`authorize_bundle`]).

mod author;
mod rules;

use alloc::vec::Vec;

use icn_types::amount::Amount;
use icn_types::canon::{Decode, DecodeError, Encode, List, Reader, Reason, Writer};
use icn_types::canonical;
use icn_types::hash;
use icn_types::id::{ChainId, OperationKey, RecordId};
use icn_types::record::{Attachment, Kind};

use crate::entry::Leg;
use crate::rate::{Conversion, Known, Rate, RateError, Residue};
use crate::request::PaymentRequest;

pub use author::{BundleRequest, Bundling, authorize_bundle};

/// Says which payments belong together.
pub const BUNDLE: Kind = Kind::new(76);

/// Most dues of one bundle.
pub const DUES_MAX: usize = 64;

/// Says which payments belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Bundle {
    /// What is to be paid.
    pub terms: Terms,
    /// Names the operation, in one space with the keys of payments.
    pub key: OperationKey,
    /// A text beside the record.
    pub memo: Option<Attachment>,
}
canonical!(Bundle = "icn/ledger/bundle/v1" { terms, key, memo });

/// What is to be paid.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "signed data: its variants are the format"
)]
pub enum Terms {
    /// These dues.
    Dues(List<Due, 2, DUES_MAX>),
    /// What an exchange comes to.
    Exchange(Exchange),
}

/// What one account is to pay to another, in the unit of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Due {
    /// Who is to pay.
    pub payer: ChainId,
    /// Whom.
    pub payee: ChainId,
    /// How much.
    pub amount: Amount,
}
canonical!(Due {
    payer,
    payee,
    amount
});

/// An exchange between two units through an exchange account, which takes the
/// one and gives the other, so that each unit stays balanced for itself.
///
/// ```
/// use icn_ledger::bundle::{Exchange, Through};
/// use icn_ledger::rate::{Known, Rate};
/// use icn_types::amount::Amount;
/// use icn_types::id::ChainId;
///
/// let account = |number| ChainId::from_bytes([number; 32]);
/// let exchange = Exchange {
///     rate: Rate::new(Amount::new(100)?, Amount::new(1)?),
///     known: Known::Paid(Amount::new(250)?),
///     payer: account(1),
///     payee: account(2),
///     through: Through { takes: account(3), gives: account(4) },
///     residue: account(5),
/// };
/// let dues: Vec<_> = exchange.dues()?.iter().map(|due| due.amount.get()).collect();
/// assert_eq!(dues, [200, 50, 2]); // to the exchange account, residue, to the payee
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Exchange {
    /// How much of the one unit stands for how much of the other.
    pub rate: Rate,
    /// Which amount is given; the other one follows.
    pub known: Known,
    /// Who pays.
    pub payer: ChainId,
    /// Who is paid, in the other unit.
    pub payee: ChainId,
    /// The exchange account.
    pub through: Through,
    /// Where whole atoms go that the rate leaves over: an account in the
    /// payer's unit where the amount paid is known, in the payee's unit
    /// otherwise.
    pub residue: ChainId,
}
canonical!(Exchange {
    rate,
    known,
    payer,
    payee,
    through,
    residue
});

/// An exchange account: one chain in each unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Through {
    /// In the unit that is paid.
    pub takes: ChainId,
    /// In the unit that is received.
    pub gives: ChainId,
}
canonical!(Through { takes, gives });

impl Terms {
    /// Everything that is to be paid, in the order of the terms.
    ///
    /// # Errors
    /// [`RateError`] when the rate of an exchange has no answer.
    pub fn dues(&self) -> Result<Vec<Due>, RateError> {
        match self {
            Self::Dues(dues) => Ok(dues.to_vec()),
            Self::Exchange(exchange) => exchange.dues(),
        }
    }

    /// What a payer is to pay, as one payment that names the bundle. `None` for
    /// somebody of whom nothing is due.
    ///
    /// Its key follows from the bundle, so that asking again pays once. A
    /// shared account puts the key of its decision in place of it.
    ///
    /// # Errors
    /// [`RateError`] as for [`dues`](Self::dues); never for a Valid bundle.
    pub fn request(
        &self,
        bundle: RecordId,
        payer: &ChainId,
    ) -> Result<Option<PaymentRequest>, RateError> {
        let dues = self.dues()?.into_iter().filter(|due| due.payer == *payer);
        let legs = dues.map(|due| Leg {
            payee: due.payee,
            amount: due.amount,
        });
        let legs = List::new(legs.collect::<Vec<_>>()).ok();
        Ok(legs.map(|legs| PaymentRequest {
            legs,
            key: payment_key(bundle),
            decision: None,
            effective: None,
            memo: None,
            cause: Some(bundle),
        }))
    }
}

impl Exchange {
    /// Both amounts and what is left over.
    ///
    /// # Errors
    /// [`RateError`] when the known amount has no counterpart.
    pub fn conversion(&self) -> Result<Conversion, RateError> {
        self.rate.convert(self.known)
    }

    /// What is to be paid: of the payer first, then of the exchange account.
    /// What a rate leaves over below an atom stays with the exchange account.
    ///
    /// # Errors
    /// [`RateError`] when the known amount has no counterpart.
    pub fn dues(&self) -> Result<Vec<Due>, RateError> {
        let conversion = self.conversion()?;
        let due = |payer, payee, amount| Due {
            payer,
            payee,
            amount,
        };
        let Through { takes, gives } = self.through;
        let bought = due(self.payer, takes, conversion.exchanged);
        let received = due(gives, self.payee, conversion.received);
        let left = |payer, amount| due(payer, self.residue, amount);
        Ok(match conversion.residue {
            Residue::None => [bought, received].to_vec(),
            Residue::Payer(residue) => [bought, left(self.payer, residue), received].to_vec(),
            Residue::Payee(residue) => [bought, received, left(gives, residue)].to_vec(),
        })
    }
}

/// The key of a payment for a bundle: SHA-256 of `["icn/ledger/bundle-key/v1",
/// bundle]`.
fn payment_key(bundle: RecordId) -> OperationKey {
    struct BundleKey {
        bundle: RecordId,
    }
    canonical!(BundleKey = "icn/ledger/bundle-key/v1" { bundle });
    OperationKey::from_bytes(hash::of(&BundleKey { bundle }))
}

impl Encode for Terms {
    /// `[0, dues]` or `[1, exchange]`.
    fn encode(&self, w: &mut Writer) {
        w.array(2);
        match self {
            Self::Dues(dues) => {
                w.uint(0);
                dues.encode(w);
            }
            Self::Exchange(exchange) => {
                w.uint(1);
                exchange.encode(w);
            }
        }
    }
}

impl Decode for Terms {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array_of(2)?;
        Ok(match r.uint()? {
            0 => Self::Dues(Decode::decode(r)?),
            1 => Self::Exchange(Decode::decode(r)?),
            _ => return Err(r.error(Reason::Value("bundle.terms"))),
        })
    }
}
