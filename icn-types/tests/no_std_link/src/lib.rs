//! The pure crates in a program that has no std.
#![no_std]

extern crate alloc;

// Named so that they are linked even while nothing of them is called.
use icn_governance as _;
use icn_ledger as _;

use core::alloc::{GlobalAlloc, Layout};
use core::sync::atomic::{AtomicUsize, Ordering};

use icn_types::canon;
use icn_types::key::{Keypair, PublicKey, Signature, Signer};

/// Signs a canonical value and checks it again: 0 when all of it holds.
#[unsafe(no_mangle)]
pub extern "C" fn sign_and_verify() -> i32 {
    match round_trip() {
        Some(()) => 0,
        None => 1,
    }
}

fn round_trip() -> Option<()> {
    let pair = Keypair::from_seed(&[7; 32]);
    let bytes = canon::to_bytes(&pair.public_key());
    let signature: Signature = pair.sign(&bytes).ok()?;
    let key: PublicKey = canon::from_bytes(&bytes).ok()?;
    key.verify(&bytes, &signature).ok()?;
    key.verify(b"another message", &signature).err().map(|_| ())
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// Hands out one fixed block from front to back and takes nothing back.
struct Bump {
    used: AtomicUsize,
}

#[global_allocator]
static MEMORY: Bump = Bump {
    used: AtomicUsize::new(0),
};

const BLOCK_LEN: usize = 1 << 20;

#[repr(align(4096))]
struct Block(core::cell::UnsafeCell<[u8; BLOCK_LEN]>);

// SAFETY: every byte is handed out once, by the atomic addition below.
unsafe impl Sync for Block {}

static BLOCK: Block = Block(core::cell::UnsafeCell::new([0; BLOCK_LEN]));

// SAFETY: blocks are aligned, inside the array and never overlap.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let room = layout.size() + layout.align();
        let start = self.used.fetch_add(room, Ordering::Relaxed);
        if start + room > BLOCK_LEN {
            return core::ptr::null_mut();
        }
        let aligned = start.next_multiple_of(layout.align());
        // SAFETY: aligned + size <= start + room <= BLOCK_LEN.
        unsafe { BLOCK.0.get().cast::<u8>().add(aligned) }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}
