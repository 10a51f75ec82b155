//! Interprets logical flows by itself: an independent reading that checks controller and datapath.
