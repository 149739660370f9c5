//! A connection that counts as broken when nothing comes for a while.
//!
//! A stream of events has no end to wait for, and a peer that vanished without a word would be waited for
//! for ever. The HTTP client bounds how long a whole body may take, which for a stream is no bound; so the
//! bound is put around the transport, for each time that it waits for bytes.

use std::time::Duration;

use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport, time,
};

/// Connects as the client does by default, and bounds every wait for bytes.
#[derive(Debug)]
pub(super) struct IdleConnector {
    inner: DefaultConnector,
    idle: Duration,
}

impl IdleConnector {
    pub(super) fn new(idle: Duration) -> Self {
        Self { inner: DefaultConnector::default(), idle }
    }
}

impl Connector for IdleConnector {
    type Out = IdleTransport;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<()>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let inner = self.inner.connect(details, chained)?;
        Ok(inner.map(|inner| IdleTransport { inner, idle: self.idle }))
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct IdleTransport {
    inner: Box<dyn Transport>,
    idle: Duration,
}

impl Transport for IdleTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let after = timeout.after.min(time::Duration::Exact(self.idle));
        self.inner.await_input(NextTimeout { after, reason: timeout.reason })
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}
