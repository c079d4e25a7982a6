CREATE TABLE IF NOT EXISTS `counterflow`.`events_local` ON CLUSTER `main` (
  `project` String COMMENT 'tenant: an app code, or default',
  `event_name` String COMMENT 'name in its one spelling, aliases resolved',
  `event_id` UUID COMMENT 'id of the event, unique in its project',
  `person_id` UUID COMMENT 'person, from the strongest identity of the event',
  `sent_name` String COMMENT 'name as sent',
  `source` String COMMENT 'web, mobile, server, metrika, lms, kafka or simulator',
  `schema_version` UInt32 COMMENT 'version of the schema it was held against, 0 when none was known',
  `occurred_at` DateTime64(3, 'UTC') COMMENT 'when it happened, as the sender\'s clock said',
  `event_time` DateTime64(3, 'UTC') COMMENT 'when it happened, after correction of the sender\'s clock',
  `offset_minutes` Nullable(Int16) COMMENT 'offset of occurred_at as sent, NULL when it had none',
  `received_at` DateTime64(6, 'UTC') COMMENT 'when its batch was received',
  `user_id` String COMMENT 'identity of an account or learner, or empty',
  `user_code` String COMMENT 'identity given by a mobile app, or empty',
  `customer_id` String COMMENT 'identity of a shop\'s customer, or empty',
  `client_id` String COMMENT 'Metrika\'s client id, or empty',
  `device_id` String COMMENT 'identity of a device, or empty',
  `anonymous_id` String COMMENT 'identity of somebody unknown, or empty',
  `session_id` String COMMENT 'session, or empty',
  `scope_type` String COMMENT 'course, order, product, page, segment, or empty',
  `scope_id` String COMMENT 'id of the course, order ..., or empty',
  `module_id` String COMMENT 'module of the course, or empty',
  `props` String COMMENT 'attributes, a JSON object with sorted keys',
  `context` String COMMENT 'ip, user_agent and the like, a JSON object with sorted keys',
  `labels` String COMMENT 'truth of simulated events, a JSON object; empty for all others',
  `warnings` Array(String) COMMENT 'what was odd about it, and done about it',
  `receipt_id` UUID COMMENT 'receipt of its batch',
  `position` UInt16 COMMENT 'place in the batch, from 0',
  `version` UInt64 COMMENT '2^64 - 1 - received_at in microseconds: the first copy wins',
  `load_id` UInt64 COMMENT 'load that brought it here',
  INDEX `by_event_id` `event_id` TYPE bloom_filter(0.01) GRANULARITY 4,
  INDEX `by_load_id` `load_id` TYPE minmax GRANULARITY 1
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/counterflow/events_local', '{replica}', `version`)
PARTITION BY (toYYYYMM(occurred_at))
ORDER BY (`project`, `event_name`, toDate(occurred_at), `person_id`, `event_id`);
CREATE TABLE IF NOT EXISTS `counterflow`.`events` ON CLUSTER `main` AS `counterflow`.`events_local` ENGINE = Distributed(`main`, `counterflow`, `events_local`, cityHash64(`person_id`));
