//! Reads topics back, as a consumer sees them that reads what is committed.

use std::time::{Duration, Instant};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientContext, Message as _, Offset, TopicPartitionList};

use super::Config;
use super::producer::{client_config, may_pass};
use crate::failure::Failure;

/// Messages looked at from the end of a partition at first, to find a key that is written again and again.
const TAIL: i64 = 64;

struct Silent;

impl ClientContext for Silent {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}
    fn error(&self, _: KafkaError, _: &str) {}
}

impl ConsumerContext for Silent {}

/// What takes in messages: a key, and a value, which is none for a key that is gone.
type Each<'e> = &'e mut dyn FnMut(&[u8], Option<&[u8]>) -> Result<(), Failure>;

/// A reader of topics.
pub(super) struct Reader {
    consumer: BaseConsumer<Silent>,
    timeout: Duration,
}

impl Reader {
    pub(super) fn open(config: &Config) -> Result<Self, Failure> {
        let mut client = client_config(config).map_err(Failure::lasting)?;
        // A group has to be named; nothing is ever stored in it.
        client.set("group.id", format!("millrace-{}-reader", config.id()));
        client.set("enable.auto.commit", "false").set("enable.auto.offset.store", "false");
        client.set("isolation.level", "read_committed").set("enable.partition.eof", "true");
        client.set("auto.offset.reset", "error").set("fetch.wait.max.ms", "50");
        let consumer = client.create_with_context(Silent).map_err(|e| failure(&e))?;
        Ok(Self { consumer, timeout: Duration::from_millis(config.timeout_ms.into()) })
    }

    /// The number of partitions of a topic; none if there is no such topic.
    pub(super) fn partitions(&self, topic: &str) -> Result<Option<usize>, Failure> {
        let metadata = self.consumer.fetch_metadata(Some(topic), self.timeout).map_err(|e| failure(&e))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        Ok(found.filter(|found| found.error().is_none()).map(|found| found.partitions().len()))
    }

    /// Hands over all messages of a topic, those of a key in the order in which they were written.
    pub(super) fn read(&self, topic: &str, each: Each<'_>) -> Result<(), Failure> {
        let partitions = self.partitions(topic)?.unwrap_or(0);
        let mut from = TopicPartitionList::new();
        for partition in 0..i32::try_from(partitions).unwrap_or(0) {
            from.add_partition_offset(topic, partition, Offset::Beginning).map_err(|e| failure(&e))?;
        }
        self.read_from(&from, each)
    }

    /// The last value of a key in a topic of one partition, looked for from the end.
    pub(super) fn last(&self, topic: &str, key: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        let (low, high) = self.ends(topic)?;
        let mut tail = TAIL;
        loop {
            let from = (high - tail).max(low);
            let mut list = TopicPartitionList::new();
            list.add_partition_offset(topic, 0, Offset::Offset(from)).map_err(|e| failure(&e))?;
            let mut found = None;
            self.read_from(&list, &mut |of, value| {
                if of == key {
                    found = value.map(<[u8]>::to_vec);
                }
                Ok(())
            })?;
            if found.is_some() || from == low {
                return Ok(found);
            }
            tail *= 16;
        }
    }

    /// The first offset of a topic of one partition, and the next one. A topic that was only just created may have
    /// no leader yet.
    fn ends(&self, topic: &str) -> Result<(i64, i64), Failure> {
        use RDKafkaErrorCode as Code;
        let until = Instant::now() + self.timeout;
        loop {
            let error = match self.consumer.fetch_watermarks(topic, 0, self.timeout) {
                Ok(ends) => return Ok(ends),
                Err(error) => error,
            };
            let is_young = matches!(
                error.rdkafka_error_code(),
                Some(Code::NotLeaderForPartition | Code::LeaderNotAvailable | Code::UnknownTopicOrPartition)
            );
            if !is_young || Instant::now() >= until {
                return Err(failure(&error));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Reads every partition from an offset to its present end.
    fn read_from(&self, from: &TopicPartitionList, each: Each<'_>) -> Result<(), Failure> {
        let mut open = from.count();
        self.consumer.assign(from).map_err(|e| failure(&e))?;
        let mut heard = Instant::now();
        while open > 0 {
            match self.consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    heard = Instant::now();
                    each(message.key().unwrap_or_default(), message.payload())?;
                }
                Some(Err(KafkaError::PartitionEOF(_))) => open -= 1,
                // A connection that breaks is taken up again by the consumer itself.
                Some(Err(e)) if !failure(&e).may_pass => return Err(failure(&e)),
                Some(Err(_)) | None if heard.elapsed() < self.timeout => {}
                Some(Err(_)) | None => {
                    let message = format!("no answer for {} ms", self.timeout.as_millis());
                    return Err(Failure::passing(message));
                }
            }
        }
        self.consumer.unassign().map_err(|e| failure(&e))
    }
}

pub(super) fn failure(error: &KafkaError) -> Failure {
    let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
    Failure { message: error.to_string(), may_pass: may_pass(code) }
}
