//! Bytes of a picture file to a [`Picture`](crate::picture::Picture).
