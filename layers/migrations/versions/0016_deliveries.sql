-- What sending needs: levels and further ways of messages, every try by channel, links, replies, CAP messages.
ALTER TABLE duty ADD COLUMN email TEXT;
ALTER TABLE duty_past ADD COLUMN email TEXT;
ALTER TABLE delivery ADD COLUMN warn SMALLINT DEFAULT 2 NOT NULL;
ALTER TABLE delivery ADD COLUMN further JSONB DEFAULT '[]' NOT NULL;
DROP INDEX delivery_waiting;
CREATE INDEX delivery_waiting ON delivery (channel, warn, next_at) WHERE state = 'waiting';
CREATE INDEX delivery_address ON delivery (address, made_at);
ALTER TABLE attempt ADD COLUMN channel TEXT DEFAULT '' NOT NULL;
ALTER TABLE attempt ADD COLUMN took_s DOUBLE PRECISION DEFAULT 0 NOT NULL;
CREATE INDEX attempt_channel ON attempt (channel, at);
CREATE TABLE sign_link (
    token_hash BYTEA NOT NULL,
    delivery_id BIGINT NOT NULL,
    warning_id BIGINT NOT NULL,
    person TEXT NOT NULL,
    until_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (token_hash)
);
CREATE INDEX sign_link_warning ON sign_link (warning_id, person);
CREATE TABLE reply (
    reply_id TEXT COLLATE "C" NOT NULL,
    channel TEXT NOT NULL,
    address TEXT NOT NULL,
    text TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    person TEXT,
    warning_id BIGINT,
    outcome TEXT NOT NULL,
    rev BIGINT NOT NULL,
    PRIMARY KEY (reply_id)
);
CREATE INDEX reply_at ON reply (at);
CREATE TABLE cap_message (
    identifier TEXT COLLATE "C" NOT NULL,
    warning_id BIGINT NOT NULL,
    n INTEGER NOT NULL,
    township_code TEXT COLLATE "C",
    village_code TEXT COLLATE "C",
    grid_code TEXT COLLATE "C",
    enterprise_code TEXT COLLATE "C",
    committee TEXT COLLATE "C",
    sender TEXT NOT NULL,
    sent TIMESTAMP WITH TIME ZONE NOT NULL,
    msg_type TEXT NOT NULL,
    scope TEXT NOT NULL,
    title TEXT NOT NULL,
    summary TEXT NOT NULL,
    content BYTEA NOT NULL,
    rev BIGINT NOT NULL,
    PRIMARY KEY (identifier),
    CONSTRAINT cap_message_n UNIQUE (warning_id, n)
);
CREATE INDEX cap_message_sent ON cap_message (sent);
CREATE INDEX cap_message_rev ON cap_message (rev);
CREATE INDEX warning_rev ON warning (rev);
