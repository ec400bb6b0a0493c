//! Rules of ledger chains, by the code of their breach.

use icn_types::error::{Coded, Fault};

/// The rule of its kind that an entry breaks. Legs are looked at in order;
/// where several rules are broken by one leg or by the whole entry, the
/// first of this list counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerRule {
    /// The named position is not among the refs.
    #[error("refund names no ref")]
    RefundRef,
    /// The named leg is none of a payment or hold that this chain
    /// acknowledged as its payee.
    #[error("refund is of a leg that was not acknowledged on this path")]
    RefundSource,
    /// All refunds of the leg together are above it.
    #[error("refunds of the leg are above it")]
    RefundSum,
    /// A named position is not among the refs.
    #[error("settlement names no ref")]
    SettleRef,
    /// The claim does not exist, or payee or amount are not its own.
    #[error("settlement is not of a leg to that payee over that amount")]
    SettleLeg,
    /// The named record is no Open of a chain that would owe the leg.
    #[error("settlement names no open of who owes the leg")]
    SettleOpen,
    /// The record that the Open starts after is not among the refs, so nothing
    /// shows what the Open leaves out.
    #[error("settlement does not name the record that the open starts after")]
    SettleHead,
    /// What the chain wrote of the leg stands under the Open, or was written
    /// after it.
    #[error("open does not leave out the record of the leg")]
    SettleStands,
    /// The account itself was charged with the claim.
    #[error("account was itself charged with the claim")]
    SettleOwn,
    /// The chain settled the claim before, and its payee did not send it back.
    #[error("claim was settled before on this chain")]
    SettleTwice,
    /// All that the chain settled of one debtor would be above what the Open
    /// charges.
    #[error("settlements are above what the open charges")]
    SettleCharge,
    /// A leg goes to the payer's own chain.
    #[error("leg goes to its own chain")]
    PaySelf,
    /// A leg is below the least amount of the unit.
    #[error("leg is below the least amount of the unit")]
    PayMin,
    /// The chain used the operation key before.
    #[error("operation key was used before on this chain")]
    PayKey,
    /// A receiver relies on another decision than the one that appointed it,
    /// or on none.
    #[error("receiver pays without the decision that appointed it")]
    PayReceiver,
    /// A shared account sends something else than a decided action says, or
    /// another account claims to carry one out.
    #[error("entry does not equal a decided action of this account")]
    PayDecision,
    /// The payments out of the envelope would be above what the named Release
    /// and those before it release.
    #[error("payment is above what the envelope releases")]
    PayEnvelope,
    /// The epoch has no grant, so it neither pays nor acknowledges. Refusing is
    /// always allowed.
    #[error("epoch grants no credit")]
    LimitGrant,
    /// The amount is above what the account may spend.
    #[error("amount is above what the account may spend")]
    LimitFloor,
    /// The named position is not among the refs.
    #[error("resolve names no ref")]
    ResolveRef,
    /// The named record is not a hold.
    #[error("resolved record is not a hold")]
    ResolveHold,
    /// The hold names another chain as its resolver.
    #[error("hold names another resolver")]
    ResolveResolver,
    /// The payee would get more than the hold.
    #[error("part is above the hold")]
    ResolvePart,
    /// The chain resolved the hold before.
    #[error("hold was resolved before on this chain")]
    ResolveTwice,
    /// The named position is not among the refs.
    #[error("taken leg names no ref")]
    AckRef,
    /// The named record sends no legs.
    #[error("taken leg is of a record that sends none")]
    AckKind,
    /// Neither a returned leg nor a part of a hold can be refused.
    #[error("returned leg or part of a hold cannot be refused")]
    RefuseKind,
    /// The leg does not exist or is sent to another chain.
    #[error("leg is not sent to this chain")]
    AckPayee,
    /// What is returned is not on this chain's own path.
    #[error("returned leg was not sent on this path")]
    AckReturn,
    /// The hold whose rest comes back is not on this chain's own path.
    #[error("rest is of a hold that is not on this path")]
    AckHold,
    /// The settlement is of a leg that this chain did not take, or sent back.
    #[error("settlement is of a leg that is not kept on this path")]
    AckClaim,
    /// The credit of the settled leg gave way to that of a settlement before.
    #[error("leg was settled before on this path")]
    AckSettled,
    /// The chain took something else of the same payer under the same key.
    #[error("another leg of the payer under the same key was taken")]
    AckKey,
    /// The chain took the leg, or its part of the hold, before.
    #[error("leg was taken before")]
    AckTwice,
    /// The chain would have acknowledged more than the whole envelope of one
    /// payer: some of it lies on another branch of the payer's chain.
    #[error("more was acknowledged than the envelope holds")]
    AckEnvelope,
    /// The account would stand above its ceiling.
    #[error("acknowledgement lifts the account above its ceiling")]
    LimitCeiling,
    /// The named position is not one of an entry of this ledger among the refs.
    #[error("assertion names no entry of the ledger")]
    AssertRef,
    /// The account was closed up to that date or a later one before.
    #[error("period was closed before")]
    CloseOrder,
    /// The named position is not among the refs.
    #[error("disputed leg names no ref")]
    DisputeRef,
    /// The leg does not exist, or the author is neither side of it.
    #[error("disputed leg is not the author's")]
    DisputeLeg,
    /// The mediator is a side of the leg.
    #[error("mediator is a side of the disputed leg")]
    DisputeMediator,
    /// The named position is not one of a dispute among the refs.
    #[error("outcome names no dispute")]
    OutcomeDispute,
    /// The dispute names another mediator.
    #[error("dispute names another mediator")]
    OutcomeMediator,
    /// The chain ended the dispute before.
    #[error("dispute was ended before on this chain")]
    OutcomeTwice,
    /// The known amount of an exchange has no counterpart at its rate.
    #[error("rate has no answer for the known amount")]
    BundleRate,
    /// A due goes to its own payer.
    #[error("due goes to its own payer")]
    BundleSelf,
    /// A payer owes the same payee in two dues.
    #[error("payer owes one payee twice")]
    BundleTwice,
}

impl LedgerRule {
    /// Every rule, in order of precedence.
    pub const ALL: [Self; 47] = [
        Self::RefundRef,
        Self::RefundSource,
        Self::RefundSum,
        Self::SettleRef,
        Self::SettleLeg,
        Self::SettleOpen,
        Self::SettleHead,
        Self::SettleStands,
        Self::SettleOwn,
        Self::SettleTwice,
        Self::SettleCharge,
        Self::PaySelf,
        Self::PayMin,
        Self::PayKey,
        Self::PayReceiver,
        Self::PayDecision,
        Self::PayEnvelope,
        Self::LimitGrant,
        Self::LimitFloor,
        Self::ResolveRef,
        Self::ResolveHold,
        Self::ResolveResolver,
        Self::ResolvePart,
        Self::ResolveTwice,
        Self::AckRef,
        Self::AckKind,
        Self::RefuseKind,
        Self::AckPayee,
        Self::AckReturn,
        Self::AckHold,
        Self::AckClaim,
        Self::AckSettled,
        Self::AckKey,
        Self::AckTwice,
        Self::AckEnvelope,
        Self::LimitCeiling,
        Self::AssertRef,
        Self::CloseOrder,
        Self::DisputeRef,
        Self::DisputeLeg,
        Self::DisputeMediator,
        Self::OutcomeDispute,
        Self::OutcomeMediator,
        Self::OutcomeTwice,
        Self::BundleRate,
        Self::BundleSelf,
        Self::BundleTwice,
    ];
}

impl Coded for LedgerRule {
    fn code(&self) -> &'static str {
        match self {
            Self::RefundRef => "refund.ref",
            Self::RefundSource => "refund.source",
            Self::RefundSum => "refund.sum",
            Self::SettleRef => "settle.ref",
            Self::SettleLeg => "settle.leg",
            Self::SettleOpen => "settle.open",
            Self::SettleHead => "settle.head",
            Self::SettleStands => "settle.stands",
            Self::SettleOwn => "settle.own",
            Self::SettleTwice => "settle.twice",
            Self::SettleCharge => "settle.charge",
            Self::PaySelf => "pay.self",
            Self::PayMin => "pay.min",
            Self::PayKey => "pay.key",
            Self::PayReceiver => "pay.receiver",
            Self::PayDecision => "pay.decision",
            Self::PayEnvelope => "pay.envelope",
            Self::LimitGrant => "limit.grant",
            Self::LimitFloor => "limit.floor",
            Self::ResolveRef => "resolve.ref",
            Self::ResolveHold => "resolve.hold",
            Self::ResolveResolver => "resolve.resolver",
            Self::ResolvePart => "resolve.part",
            Self::ResolveTwice => "resolve.twice",
            Self::AckRef => "ack.ref",
            Self::AckKind => "ack.kind",
            Self::RefuseKind => "refuse.kind",
            Self::AckPayee => "ack.payee",
            Self::AckReturn => "ack.return",
            Self::AckHold => "ack.hold",
            Self::AckClaim => "ack.claim",
            Self::AckSettled => "ack.settled",
            Self::AckKey => "ack.key",
            Self::AckTwice => "ack.twice",
            Self::AckEnvelope => "ack.envelope",
            Self::LimitCeiling => "limit.ceiling",
            Self::AssertRef => "assert.ref",
            Self::CloseOrder => "close.order",
            Self::DisputeRef => "dispute.ref",
            Self::DisputeLeg => "dispute.leg",
            Self::DisputeMediator => "dispute.mediator",
            Self::OutcomeDispute => "outcome.dispute",
            Self::OutcomeMediator => "outcome.mediator",
            Self::OutcomeTwice => "outcome.twice",
            Self::BundleRate => "bundle.rate",
            Self::BundleSelf => "bundle.self",
            Self::BundleTwice => "bundle.twice",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Rule
    }
}
