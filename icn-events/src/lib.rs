#![doc = include_str!("../README.md")]

pub mod audit;
pub mod book;
pub mod bus;
pub mod genesis;
pub mod node;
pub mod sheet;
