-- Tell the others that what is parked has changed; of some ($1) it is known what they refer to.
WITH known AS (UPDATE parked SET unknown = false WHERE identity = ANY($1::text[]))
UPDATE centre SET parked_version = version
