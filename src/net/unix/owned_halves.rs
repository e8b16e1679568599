//! The halves of a Unix stream that own it together, for two tasks: an allocation, no lock.

use super::UnixStream;
use crate::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};
use crate::net::streams;
use crate::primitives::Arc;
use bytes::BufMut;
use std::error::Error;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::os::unix::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

streams::owned_halves!(UnixStream, SocketAddr);
