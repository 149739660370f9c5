//! A producer and its transactions.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::OwnedHeaders;
use rdkafka::metadata::MetadataTopic;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::{ClientContext, Message as _};

use super::{Compression, Config};
use crate::failure::Failure;
use crate::secret;

/// How long to wait for room in a queue that is full before it is tried again.
const ROOM: Duration = Duration::from_millis(2);

/// How long to wait for an answer before it is looked what was said of the brokers meanwhile.
const PATIENCE: Duration = Duration::from_millis(500);

/// What has become of messages, and what librdkafka said of its connections.
#[derive(Default)]
pub(super) struct Reports {
    lost: AtomicU64,
    /// Why the first of the lost messages was lost.
    first: Mutex<Option<(RDKafkaErrorCode, String)>>,
    /// What was last said of a broker.
    last: Mutex<Option<(RDKafkaErrorCode, String)>>,
}

impl Reports {
    fn said(of: &Mutex<Option<(RDKafkaErrorCode, String)>>) -> Option<(RDKafkaErrorCode, String)> {
        of.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientContext for Reports {
    /// Nothing: what matters is said where a step fails.
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, error: KafkaError, reason: &str) {
        let Some(code) = error.rdkafka_error_code() else { return };
        // That all brokers are down follows from what was said of each before.
        if code != RDKafkaErrorCode::AllBrokersDown {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((code, reason.to_owned()));
        }
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, message)) = result {
            self.lost.fetch_add(1, Ordering::AcqRel);
            let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
            let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert_with(|| (code, format!("topic {}: {code}", message.topic())));
        }
    }
}

/// The settings that all clients of a sink share.
pub(super) fn client_config(config: &Config) -> Result<ClientConfig, String> {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", &config.brokers);
    client.set("client.id", format!("millrace-{}", config.id()));
    client.set("socket.timeout.ms", config.timeout_ms.to_string());
    client.set("reconnect.backoff.max.ms", "2000");
    if let Some(password) = secret::password(&config.password_env, &config.password_file)? {
        client.set("security.protocol", "SASL_PLAINTEXT").set("sasl.mechanisms", "PLAIN");
        client.set("sasl.username", &config.user).set("sasl.password", password);
    }
    Ok(client)
}

/// Writes messages in transactions. After a failure it is of no use any more; make another.
pub(super) struct Producer {
    inner: ThreadedProducer<Reports>,
    timeout: Duration,
}

impl Producer {
    /// Takes up the transactional id: who had it before is shut out, and what he left open is undone.
    pub(super) fn open(config: &Config) -> Result<Self, Failure> {
        let compression = match config.compression {
            Compression::None => "none",
            Compression::Lz4 => "lz4",
            Compression::Zstd => "zstd",
        };
        let mut client = client_config(config).map_err(Failure::lasting)?;
        let timeout_ms = config.timeout_ms.to_string();
        client.set("transactional.id", config.id()).set("transaction.timeout.ms", &timeout_ms);
        client.set("message.timeout.ms", &timeout_ms).set("compression.type", compression);
        client.set("partitioner", "murmur2_random").set("linger.ms", "5");
        client.set("queue.buffering.max.kbytes", (u64::from(config.queue_mib) * 1024).to_string());
        client.set("queue.buffering.max.messages", "1000000");
        let inner: ThreadedProducer<Reports> =
            client.create_with_context(Reports::default()).map_err(|e| Failure::lasting(e.to_string()))?;
        let producer = Self { inner, timeout: Duration::from_millis(config.timeout_ms.into()) };
        producer.take_up()?;
        Ok(producer)
    }

    /// librdkafka goes on trying when it is refused for good, so it is asked in between.
    fn take_up(&self) -> Result<(), Failure> {
        let until = Instant::now() + self.timeout;
        loop {
            let Err(error) = self.inner.init_transactions(PATIENCE) else { return Ok(()) };
            let failure = self.failure(&error);
            let is_retriable = matches!(&error, KafkaError::Transaction(e) if e.is_retriable());
            if !is_retriable || !failure.may_pass || Instant::now() >= until {
                return Err(failure);
            }
        }
    }

    /// Refuses to go on if one of the topics is not there.
    pub(super) fn check_topics(&self, names: impl Iterator<Item = String>) -> Result<(), Failure> {
        let metadata =
            self.inner.client().fetch_metadata(None, self.timeout).map_err(|e| self.failure(&e))?;
        let there: BTreeSet<&str> = metadata.topics().iter().map(MetadataTopic::name).collect();
        for name in names {
            if !there.contains(name.as_str()) {
                let message = format!("the topic {name} is missing; rows of earlier flushes went with it");
                return Err(Failure::lasting(message));
            }
        }
        Ok(())
    }

    pub(super) fn begin(&self) -> Result<(), Failure> {
        self.inner.begin_transaction().map_err(|e| self.failure(&e))
    }

    /// Hands a message over; waits while the queue is full.
    pub(super) fn send(
        &self,
        topic: &str,
        key: &[u8],
        value: Option<&[u8]>,
        headers: OwnedHeaders,
    ) -> Result<(), Failure> {
        let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic).key(key).headers(headers);
        record.payload = value;
        let mut since: Option<Instant> = None;
        loop {
            let (error, back) = match self.inner.send(record) {
                Ok(()) => return Ok(()),
                Err(refused) => refused,
            };
            let is_full = error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull);
            if !is_full || since.get_or_insert_with(Instant::now).elapsed() > self.timeout {
                return Err(self.failure(&error));
            }
            self.check_deliveries()?;
            record = back;
            std::thread::sleep(ROOM);
        }
    }

    /// Ends the transaction; what was sent since it began is there, all of it.
    pub(super) fn commit(&self) -> Result<(), Failure> {
        self.inner.flush(self.timeout).map_err(|e| self.failure(&e))?;
        self.check_deliveries()?;
        let until = Instant::now() + self.timeout;
        loop {
            match self.inner.commit_transaction(until.saturating_duration_since(Instant::now())) {
                Ok(()) => return Ok(()),
                Err(KafkaError::Transaction(e)) if e.is_retriable() && Instant::now() < until => {}
                Err(e) => return Err(self.failure(&e)),
            }
        }
    }

    fn check_deliveries(&self) -> Result<(), Failure> {
        match self.inner.context().lost.load(Ordering::Acquire) {
            0 => Ok(()),
            lost => {
                let (code, why) = Reports::said(&self.inner.context().first)
                    .unwrap_or((RDKafkaErrorCode::Unknown, String::new()));
                let message = format!("{lost} messages were not delivered: {why}");
                Err(self.told(code, message))
            }
        }
    }

    fn failure(&self, error: &KafkaError) -> Failure {
        // The first lost message says more than the transaction that fails for it.
        if let Some((code, why)) = Reports::said(&self.inner.context().first) {
            return self.told(code, why);
        }
        let (code, message) = match error {
            KafkaError::Transaction(e) => (e.code(), e.string()),
            other => (other.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown), other.to_string()),
        };
        self.told(code, message)
    }

    fn told(&self, code: RDKafkaErrorCode, mut message: String) -> Failure {
        let mut may_pass = may_pass(code);
        if let Some((code, said)) = Reports::said(&self.inner.context().last) {
            may_pass &= self::may_pass(code);
            message = format!("{message} ({said})");
        }
        // Messages that were lost for it may have been reported first, each with a reason of its own.
        let fatal = self.inner.client().fatal_error().map(|(fatal, _)| fatal);
        if [Some(code), fatal].into_iter().flatten().any(is_fenced) {
            message = format!("another run has taken up the transactional id: {message}");
            may_pass = false;
        }
        Failure { message, may_pass }
    }
}

/// True if another producer has taken up the transactional id.
fn is_fenced(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(code, Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch)
}

/// True unless the broker refuses what it would refuse again.
pub(super) fn may_pass(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    !matches!(
        code,
        Code::Fenced
            | Code::ProducerFenced
            | Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed
            | Code::UnsupportedSASLMechanism
            | Code::UnknownTopic
            | Code::UnknownTopicOrPartition
            | Code::UnknownPartition
            | Code::MessageSizeTooLarge
            | Code::InvalidTopic
            | Code::InvalidRecord
            | Code::InvalidConfig
            | Code::InvalidPartitions
            | Code::InvalidReplicationFactor
            | Code::InvalidArgument
            | Code::PolicyViolation
            | Code::InvalidTransactionTimeout
            | Code::NotImplemented
            | Code::UnsupportedVersion
    )
}
