-- An identity belongs to the topic that it came on: none of before this revision is known.
ALTER TABLE inbox ADD COLUMN topic text;
COMMENT ON COLUMN inbox.topic IS
    'The input topic, without prefix; null of what older versions wrote: that counts for any topic.';

-- Few ids end like that of a batch's trip: they are found by the batch that they would be of.
CREATE INDEX calls_like_trips ON calls (substring(call_id FROM '^(.+)\.T[0-9]+$'))
    WHERE call_id ~ '\.T[0-9]+$';
