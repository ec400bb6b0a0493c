#![cfg_attr(not(feature = "std"), no_std)]
#![doc = include_str!("../README.md")]
