CREATE TABLE IF NOT EXISTS `counterflow`.`events_rejected_local` ON CLUSTER `main` (
  `project` String COMMENT 'tenant the event was sent to',
  `quarantine_id` UUID COMMENT 'its row in the quarantine, where it can be replayed',
  `event_id` String COMMENT 'id as sent, or empty',
  `event_name` String COMMENT 'name as sent, or empty',
  `shape` String COMMENT 'learning, envelope, device, activity or message',
  `code` String COMMENT 'rule that was broken',
  `pointer` String COMMENT 'JSON pointer into the sent body',
  `message` String COMMENT 'what was wrong, in a sentence',
  `source_position` String COMMENT 'topic/partition/offset of a message, or empty',
  `raw` String COMMENT 'the event as it was sent',
  `received_at` DateTime64(6, 'UTC') COMMENT 'when its batch was received'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/counterflow/events_rejected_local', '{replica}')
PARTITION BY (toYYYYMM(received_at))
ORDER BY (`project`, `received_at`, `quarantine_id`)
TTL toDateTime(received_at) + INTERVAL 30 DAY;
CREATE TABLE IF NOT EXISTS `counterflow`.`events_rejected` ON CLUSTER `main` AS `counterflow`.`events_rejected_local` ENGINE = Distributed(`main`, `counterflow`, `events_rejected_local`, cityHash64(`quarantine_id`));
